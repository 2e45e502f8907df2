package help

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// A Hit is a page that a search found.
type Hit struct {
	Kind    HitKind
	Title   string
	URL     string // a path
	Excerpt string // the sentence that fits best
}

// A HitKind says what kind of page a [Hit] is.
type HitKind string

// The kinds of pages that a search finds.
const (
	HitConcept HitKind = "concept"
	HitGuide   HitKind = "guide"
	HitError   HitKind = "error"
)

// Limits of a search.
const (
	MaxQuery   = 200 // runes that count of what is searched for
	maxWords   = 8
	maxHits    = 20
	maxExcerpt = 220 // runes
)

// How much a word counts, by where it stands.
const (
	inTitle = 8
	inHead  = 3
	inText  = 1
)

// A document is a page as the search knows it.
type document struct {
	Hit
	weights map[string]int // by word: where it stands, or best
	words   []string       // sorted
	lines   []sentence
}

// A sentence is a paragraph or an item that may be shown as an excerpt.
type sentence struct {
	text  string
	words []string
}

// fillers are words of a question that say nothing about its subject.
var fillers = strings.Fields("an and are can do does for from how in is it my of on or our that the this to what when where which who why with you your")

// Search returns the pages that have the words, or words that begin so, best
// first: at most 20. A rare word counts for more than a frequent one. Words of
// one letter, words that every question has, and those beyond the eighth are left
// out.
func Search(query string) []Hit {
	asked := wordsOf(cutRunes(query, MaxQuery))
	asked = slices.DeleteFunc(asked, func(w string) bool { return utf8.RuneCountInString(w) < 2 || slices.Contains(fillers, w) })
	slices.Sort(asked)
	asked = slices.Compact(asked)
	asked = asked[:min(len(asked), maxWords)]
	type scored struct {
		*document
		score float64
	}
	var found []scored
	scores := make([]float64, len(index()))
	for _, word := range asked {
		counts, n := make([]int, len(scores)), 0
		for i, d := range index() {
			if counts[i] = d.weight(word); counts[i] > 0 {
				n++
			}
		}
		rare := math.Log(1 + float64(len(scores))/float64(max(n, 1)))
		for i, c := range counts {
			scores[i] += rare * rare * float64(c)
		}
	}
	for i, s := range scores {
		if s > 0 {
			found = append(found, scored{index()[i], s})
		}
	}
	slices.SortStableFunc(found, func(a, b scored) int { return cmp.Compare(b.score, a.score) })
	var hits []Hit
	for _, f := range found[:min(len(found), maxHits)] {
		// What fits far worse than the best is noise of frequent words.
		if f.score < found[0].score/8 {
			break
		}
		hit := f.Hit
		hit.Excerpt = f.excerpt(asked)
		hits = append(hits, hit)
	}
	return hits
}

// weight is how much a word counts for the page: that of the best of its words
// that begin so; a whole word counts double.
func (d *document) weight(word string) int {
	best := 0
	i, _ := slices.BinarySearch(d.words, word)
	for ; i < len(d.words) && strings.HasPrefix(d.words[i], word); i++ {
		w := d.weights[d.words[i]]
		if d.words[i] == word {
			w *= 2
		}
		best = max(best, w)
	}
	return best
}

// excerpt is the first of the lines with the most of the words.
func (d *document) excerpt(asked []string) string {
	best, most := "", 0
	for _, line := range d.lines {
		n := 0
		for _, word := range asked {
			if slices.ContainsFunc(line.words, func(w string) bool { return strings.HasPrefix(w, word) }) {
				n++
			}
		}
		if n > most {
			best, most = line.text, n
		}
	}
	if best == "" && len(d.lines) > 0 {
		best = d.lines[0].text
	}
	if cut := cutRunes(best, maxExcerpt); cut != best {
		return cut[:max(strings.LastIndexByte(cut, ' '), 0)] + " …"
	}
	return best
}

// wordsOf splits a text into words in lower case. A code such as saml_expired is
// a word, and so are its parts.
func wordsOf(text string) []string {
	var words []string
	for _, word := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' }) {
		words = append(words, word)
		if strings.Contains(word, "_") {
			words = append(words, strings.FieldsFunc(word, func(r rune) bool { return r == '_' })...)
		}
	}
	return words
}

func cutRunes(text string, n int) string {
	for i := range text {
		if n--; n < 0 {
			return text[:i]
		}
	}
	return text
}

// index is built once, of all pages.
var index = sync.OnceValue(func() []*document {
	var all []*document
	for _, c := range concepts() {
		d := newDocument(HitConcept, c.Title, "/help/concepts/"+c.Slug)
		d.add(inHead, c.Summary)
		for _, chapter := range c.Sections {
			d.note(inHead, chapter.Heading)
			d.addParts(chapter.Parts)
		}
		all = append(all, d.done())
	}
	for _, g := range guides() {
		d := newDocument(HitGuide, g.Name, "/help/guides/"+g.Slug)
		d.note(inTitle, g.Slug)
		for _, s := range g.sections {
			d.addParts(s.Parts)
		}
		all = append(all, d.done())
	}
	codes := ErrorCodes()
	slices.Sort(codes)
	for _, code := range codes {
		page := pages()[code]
		d := newDocument(HitError, code, "/help/errors/"+code)
		d.addParts(slices.Concat(page.Cause, page.Side, page.Fix))
		all = append(all, d.done())
	}
	return all
})

func newDocument(kind HitKind, title, url string) *document {
	d := &document{Hit: Hit{Kind: kind, Title: title, URL: url}, weights: make(map[string]int)}
	d.note(inTitle, title)
	return d
}

// note has the words of a text found; add has it as an excerpt as well.
func (d *document) note(weight int, text string) {
	for _, word := range wordsOf(text) {
		d.weights[word] = max(d.weights[word], weight)
	}
}

func (d *document) add(weight int, text string) {
	if text != "" {
		d.note(weight, text)
		d.lines = append(d.lines, sentence{text, wordsOf(text)})
	}
}

func (d *document) addParts(parts []Part) {
	for _, p := range parts {
		for _, l := range append(append([]Line{p.Text}, p.Items...), p.Steps...) {
			d.add(inText, l.String())
		}
		for _, r := range p.Rows {
			d.note(inHead, r.Field)
			d.add(inText, r.Note.String())
		}
		for _, e := range p.Errors {
			d.note(inHead, e.Code)
			d.add(inText, e.Text.String())
		}
		d.note(inText, p.Code)
	}
}

func (d *document) done() *document {
	for word := range d.weights {
		d.words = append(d.words, word)
	}
	slices.Sort(d.words)
	return d
}
