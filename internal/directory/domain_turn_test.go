package directory

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/proof"
)

var update = flag.Bool("update", false, "write the golden files anew")

const day = 24 * time.Hour

var (
	verdicts = []proof.Verdict{proof.Proved, proof.Missing, proof.Unclear}
	rivals   = []access.DomainStatus{"", access.DomainVerified, access.DomainLapsing, access.DomainFrozen}
	ages     = [][2]time.Duration{ // at this check, at the one before
		{0, 0}, {day, day - time.Hour}, {23*day - 1, 22 * day}, {23 * day, 23*day - 1}, {24 * day, 23 * day}, {30*day - 1, 29 * day}, {30 * day, 30*day - 1}, {30 * day, 0}, {60 * day, 0},
	}
	unseens = []time.Duration{0, 7*day - 1, 7 * day, 60 * day}
)

// standings are all combinations of what a standing can hold.
func standings(status access.DomainStatus) (all []standing) {
	for _, age := range ages {
		for _, unseen := range unseens {
			for _, rival := range rivals {
				for bits := range 8 {
					all = append(all, standing{status: status, age: age[0], ageThen: age[1], unseen: unseen, rival: rival,
						vouched: bits&1 != 0, inUse: bits&2 != 0, disputed: bits&4 != 0})
				}
			}
		}
	}
	return all
}

// matters is the part of a standing that decides, in words.
func matters(s standing) string {
	yes := func(is bool, word string) string {
		if is {
			return word
		}
		return "-"
	}
	var words []string
	switch s.status {
	case access.DomainPending:
		words = append(words, "rival="+yes(s.rival != "", string(s.rival)), yes(s.disputed, "disputed"))
	case access.DomainVerified:
		words = append(words, yes(s.vouched, "vouched"), fmt.Sprintf("unseen>=7d=%v", s.unseen >= 7*day))
	case access.DomainLapsing:
		words = append(words, yes(s.inUse, "in_use"), fmt.Sprintf("passes23d=%v", s.age >= 23*day && s.ageThen < 23*day), fmt.Sprintf("age>=30d=%v", s.age >= 30*day))
	case access.DomainFrozen:
		words = append(words, yes(s.inUse, "in_use"))
	}
	return strings.Join(words, " ")
}

// TestTurnsAreThoseOfTheTable goes through every combination. Whatever the
// table does not name makes no difference.
func TestTurnsAreThoseOfTheTable(t *testing.T) {
	var table strings.Builder
	table.WriteString("# What becomes of a claim after its proof was looked for.\n")
	for _, status := range []access.DomainStatus{access.DomainPending, access.DomainVerified, access.DomainLapsing, access.DomainFrozen} {
		fmt.Fprintln(&table)
		got := map[string]turn{}
		for _, s := range standings(status) {
			for _, v := range verdicts {
				line := fmt.Sprintf("%-8s %-8s %s", status, v, matters(s))
				was, known := got[line]
				is := next(s, v)
				if got[line] = is; !known {
					fmt.Fprintf(&table, "%-70s %s\n", line, is)
				} else if was != is {
					t.Errorf("%s: %s, but for %+v %s", line, was, s, is)
				}
			}
		}
	}
	const file = "testdata/domain_turns.txt"
	if *update {
		if err := os.WriteFile(file, []byte(table.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if table.String() != string(want) {
		t.Errorf("the table is now\n%s", table.String())
	}
}

// TestTheTableKeepsItsPromises holds it against the sentences of the product,
// so that it is not only what the code happens to do.
func TestTheTableKeepsItsPromises(t *testing.T) {
	for _, status := range []access.DomainStatus{access.DomainPending, access.DomainVerified, access.DomainLapsing, access.DomainFrozen} {
		for _, s := range standings(status) {
			for _, v := range verdicts {
				got := next(s, v)
				fail := func(sentence string) { t.Errorf("%s: %+v, %s: %s", sentence, s, v, got) }
				holds := got == verifies || got != expires && status.Held()
				switch {
				case got == verifies && v != proof.Proved:
					fail("nothing is verified without a proof")
				case got == verifies && status == access.DomainPending && s.rival != "":
					fail("one organization at a time holds a domain")
				case v == proof.Proved && status.Held() && !holds:
					fail("who proves a domain keeps it")
				case v == proof.Proved && status.Held() && got != verifies && status != access.DomainVerified:
					fail("a proof that is back makes it verified again")
				case status.Held() && s.inUse && status != access.DomainVerified && !holds:
					fail("a domain in use stays with its organization")
				case status == access.DomainVerified && s.vouched && got != stays:
					fail("the operator's word needs no proof")
				case status == access.DomainVerified && !s.vouched && v == proof.Missing && got != lapses:
					fail("without its proof a domain lapses")
				case status == access.DomainLapsing && s.age < 30*day && v != proof.Proved && got != stays && got != reminds:
					fail("there are 30 days to bring the proof back")
				case status == access.DomainLapsing && s.age >= 30*day && v != proof.Proved && got != freezes && got != expires:
					fail("after 30 days it is pending, or frozen")
				case v == proof.Unclear && s.unseen < 7*day && status == access.DomainVerified && got != stays:
					fail("a resolver that does not answer changes nothing")
				case got == disputes && (s.rival == access.DomainVerified || s.rival == ""):
					fail("a dispute is about a domain whose proof has gone")
				}
			}
		}
	}
}

func TestNextLook(t *testing.T) {
	for _, c := range []struct {
		s    standing
		v    proof.Verdict
		want time.Duration
	}{
		{standing{status: access.DomainPending}, proof.Missing, time.Minute},
		{standing{status: access.DomainPending, age: 4 * time.Minute}, proof.Missing, time.Minute},
		{standing{status: access.DomainPending, age: time.Hour}, proof.Unclear, 15 * time.Minute},
		{standing{status: access.DomainPending, age: day}, proof.Missing, 6 * time.Hour},
		{standing{status: access.DomainPending, age: 29 * day}, proof.Missing, 12 * time.Hour},
		{standing{status: access.DomainPending, age: 30 * day}, proof.Missing, 0},
		{standing{status: access.DomainPending, age: 30 * day, disputed: true}, proof.Proved, day},
		{standing{status: access.DomainVerified}, proof.Proved, day},
		{standing{status: access.DomainVerified, age: 300 * day}, proof.Proved, day},
		{standing{status: access.DomainVerified}, proof.Unclear, time.Hour},
		{standing{status: access.DomainVerified, vouched: true}, proof.Missing, 0},
		{standing{status: access.DomainLapsing}, proof.Missing, time.Hour},
		{standing{status: access.DomainLapsing, age: 29 * day}, proof.Unclear, time.Hour},
		{standing{status: access.DomainFrozen, age: 300 * day}, proof.Missing, day},
	} {
		if got := nextLook(c.s, c.v); got != c.want {
			t.Errorf("%+v, %s: %v, not %v", c.s, c.v, got, c.want)
		}
	}
	// The pauses for a claim never shrink, and there are not many.
	looks, last := 0, time.Duration(0)
	for s := (standing{status: access.DomainPending}); ; looks++ {
		pause := nextLook(s, proof.Missing)
		if pause == 0 {
			break
		}
		if pause < last {
			t.Fatalf("%v after %v", pause, last)
		}
		last = pause
		s.age += pause
	}
	if looks < 40 || looks > 120 {
		t.Errorf("%d looks in 30 days", looks)
	}
}
