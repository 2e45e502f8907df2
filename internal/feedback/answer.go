package feedback

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"sallyport/help"
	"sallyport/internal/fault"
)

// Bounds.
const (
	// MaxComment is how long a comment may be, in characters.
	MaxComment = 2000
	// PerPage and PerDay are how many answers are kept of one day (UTC), on one
	// page and on all of them.
	PerPage, PerDay = 50, 250
	// Keep is how long an answer is kept.
	Keep = 400 * 24 * time.Hour
)

// A Rating says whether a page was helpful.
type Rating string

// The ratings.
const (
	Yes Rating = "yes"
	No  Rating = "no"
)

// Ratings lists them.
func Ratings() []Rating { return []Rating{Yes, No} }

// A Reason says why a page was helpful, or was not. The values are stable.
type Reason string

// The reasons.
const (
	Solved Reason = "solved" // it told what to do
	Clear  Reason = "clear"  // it was easy to understand
	Found  Reason = "found"  // it led to the right page

	Unclear   Reason = "unclear"    // hard to understand
	Incorrect Reason = "incorrect"  // a step or something else is missing or wrong
	Elsewhere Reason = "elsewhere"  // not what the reader was looking for
	Outdated  Reason = "outdated"   // the Identity Provider looks different now
	NotSolved Reason = "not_solved" // done as it says, and it still fails

	Other Reason = "other"
)

// Reasons returns the reasons that can be given for a rating on a kind of page,
// in the order in which they are offered.
func Reasons(kind help.PageKind, r Rating) []Reason {
	switch {
	case r == Yes && (kind == help.PageHome || kind == help.PageList):
		return []Reason{Found, Clear, Other}
	case r == Yes:
		return []Reason{Solved, Clear, Other}
	case r != No:
		return nil
	}
	switch kind {
	case help.PageGuide:
		return []Reason{Unclear, Incorrect, Outdated, NotSolved, Elsewhere, Other}
	case help.PageError:
		return []Reason{Unclear, Incorrect, NotSolved, Elsewhere, Other}
	case help.PageConcept:
		return []Reason{Unclear, Incorrect, Elsewhere, Other}
	}
	return []Reason{Elsewhere, Unclear, Other}
}

// An Answer is what a reader said of a page.
type Answer struct {
	ID       string
	Time     time.Time
	Page     string // its path
	Language string // of the page around the text
	Rating   Rating
	Reasons  []Reason // sorted
	Comment  string   // what the reader wrote; with line feeds
	SignedIn bool
}

// A NewAnswer is the input of [Service.Give].
type NewAnswer struct {
	Page     string
	Language string
	Rating   string
	Reasons  []string
	Comment  string
	SignedIn bool
}

// answer checks what came in.
func (in *NewAnswer) answer() (a Answer, err error) {
	kind, ok := help.KindOf(in.Page)
	if !ok {
		return a, fault.New(fault.NotFound, "There is no such page.")
	}
	a = Answer{Page: in.Page, Language: in.Language, Rating: Rating(in.Rating), Comment: clean(in.Comment), SignedIn: in.SignedIn}
	var wrong []fault.Field
	if !slices.Contains(Ratings(), a.Rating) {
		wrong = append(wrong, fault.Field{Name: "rating", Message: "is yes or no"})
	}
	offered := Reasons(kind, a.Rating)
	for _, r := range in.Reasons {
		if !slices.Contains(offered, Reason(r)) {
			if len(wrong) == 0 {
				wrong = append(wrong, fault.Field{Name: "reasons", Message: "holds one that is not offered"})
			}
			continue
		}
		a.Reasons = append(a.Reasons, Reason(r))
	}
	slices.Sort(a.Reasons)
	a.Reasons = slices.Compact(a.Reasons)
	if utf8.RuneCountInString(a.Comment) > MaxComment {
		wrong = append(wrong, fault.Field{Name: "comment", Message: "is longer than 2,000 characters"})
	}
	if wrong != nil {
		return a, fault.Invalid(wrong...)
	}
	return a, nil
}

// clean makes text of what was sent: line feeds at the ends of lines, and nothing
// else that is not to be seen.
func clean(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\ufffd"), "\r\n", "\n")
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r != '\n' && unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text))
}
