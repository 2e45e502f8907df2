package record

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Findings about times.
const (
	FindingClockTheirs Finding = "clock_theirs"  // the Identity Provider's clock is wrong
	FindingClockOurs   Finding = "clock_ours"    // ours is
	FindingClock       Finding = "clock"         // one of the two is
	FindingStartsLater Finding = "starts_later"  // the clocks agree; it is made valid later than it is issued
	FindingLate        Finding = "late"          // the clocks agree; it was on its way for too long
	FindingClockOrLate Finding = "clock_or_late" // one of the two
	FindingShortLived  Finding = "short_lived"   // it is made valid for less than a minute
	FindingOld         Finding = "old"           // it was issued more than a day ago
	FindingUnreadable  Finding = "unreadable"    // a time without its zone, say
)

const (
	clocksAgree = 30 * time.Second // when they differ by no more
	shortLife   = time.Minute
	oldest      = 24 * time.Hour
	maxClocks   = 100 // that are looked at

	layoutClock = "2006-01-02 15:04:05 MST"
)

// bound returns the instant that a check of times has named, such as
// "NotBefore 2026-03-01T09:30:00Z".
func bound(c Check) (name string, t time.Time, ok bool) {
	name, text, ok := strings.Cut(c.Expected, " ")
	if !ok {
		return "", t, false
	}
	t, err := time.Parse(time.RFC3339, strings.TrimSpace(text))
	return name, t.UTC(), err == nil
}

// issued is when the Identity Provider says that it made the assertion, by its
// clock.
func (k *problem) issued() (time.Time, bool) { return Issued(k.Checks) }

// clocks shows both.
func (k *problem) clocks(issued time.Time) string {
	return fmt.Sprintf("When the message was made the Identity Provider's clock showed %s, and when it came ours showed %s.",
		issued.Format(layoutClock), k.Time.UTC().Format(layoutClock))
}

// blame tells whose clock is wrong that is ahead of ours by so much, or behind
// it, as far as others show it.
func (k *problem) blame(ahead time.Duration) {
	size := ahead.Abs().Round(time.Second)
	relation := "ahead of"
	if ahead < 0 {
		relation = "behind"
	}
	difference := fmt.Sprintf(" The Identity Provider's is %s ours by at least %s.", relation, size)
	switch others, known := median(k.Clocks); {
	case !known:
		k.is(FindingClock, difference+" One of the two is wrong.")
	case others.Abs() <= clocksAgree:
		k.is(FindingClockTheirs, difference+" Other sign-ins agree with ours, so theirs is wrong.")
	case (others - ahead).Abs() <= max(clocksAgree, ahead.Abs()/4):
		k.is(FindingClockOurs, difference+" Other sign-ins show the same difference, so ours is wrong.")
	default:
		k.is(FindingClock, difference+" One of the two is wrong.")
	}
}

func median(list []time.Duration) (time.Duration, bool) {
	if len(list) == 0 {
		return 0, false
	}
	sorted := slices.Sorted(slices.Values(list[:min(len(list), maxClocks)]))
	return sorted[len(sorted)/2], true
}

// early looks at a message that is not valid yet.
func (k *problem) early() {
	name, start, ok := bound(k.check)
	issued, known := k.issued()
	switch {
	case !ok:
		k.unreadable()
	case name == "IssueInstant" || known && issued.Sub(k.Time) > clocksAgree:
		if !known {
			issued = start
		}
		k.blame(issued.Sub(k.Time))
		k.why = k.clocks(issued) + k.why
	case known:
		k.is(FindingStartsLater, fmt.Sprintf("%s The clocks agree, but the message is made valid only from %s on, %s after it was made.",
			k.clocks(issued), start.Format(layoutClock), start.Sub(issued).Round(time.Second)))
	default:
		k.blame(start.Sub(k.Time))
		k.why = strings.TrimSpace(k.why)
	}
}

// late looks at a message that is not valid any more.
func (k *problem) late() {
	_, end, ok := bound(k.check)
	issued, known := k.issued()
	switch {
	case !ok:
		k.unreadable()
		return
	case !known:
		k.is(FindingClockOrLate, "")
		return
	}
	on := k.Time.Sub(issued).Round(time.Second)
	asked := !k.Asked.IsZero()
	switch life := end.Sub(issued); {
	case asked && k.Asked.Sub(issued) > clocksAgree:
		// It answers a request that had not left yet, by their clock.
		k.blame(issued.Sub(k.Asked))
		k.why = k.clocks(issued) + k.why
	case on > oldest:
		k.is(FindingOld, fmt.Sprintf("%s It was made %s ago.", k.clocks(issued), on))
	case k.check.Name != "issue_instant" && life < shortLife:
		k.is(FindingShortLived, fmt.Sprintf("%s The Identity Provider makes its messages valid for %s only.", k.clocks(issued), max(life, 0).Round(time.Second)))
	case asked:
		k.is(FindingLate, fmt.Sprintf("%s The clocks agree: the message was on its way for %s.", k.clocks(issued), on))
	default:
		k.is(FindingClockOrLate, fmt.Sprintf("%s Either the Identity Provider's clock is behind ours by up to %s, or the message was on its way for so long.", k.clocks(issued), on))
	}
}

func (k *problem) unreadable() {
	if k.check.Note == "not an instant in UTC" {
		k.is(FindingUnreadable, "The time that was sent can't be read: it has to be written in UTC, as 2026-03-01T09:30:00Z is.")
	}
}
