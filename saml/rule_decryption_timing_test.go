package saml_test

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/saml"
	"sallyport/saml/internal/xenc"
	"sallyport/saml/samltest"
)

// timed are refusals of different causes, for messages of one length: who can
// tell one from another by its time has an oracle for ciphertexts.
func timed(t *testing.T) (names, values []string) {
	t.Helper()
	spaces := func(clear string) string { return clear + strings.Repeat(" ", 8<<10-len(clear)) }
	for _, class := range []struct {
		name   string
		change func(*samltest.Response)
	}{
		{"bad transport", func(r *samltest.Response) {
			r.AssertionEncryption.EditKeyCipher = func(b []byte) []byte { b[len(b)-1] ^= 1; return b }
		}},
		{"bad padding", func(r *samltest.Response) {
			r.AssertionEncryption.Pad = func(clear []byte) []byte { return append(clear, make([]byte, 16)...) }
		}},
		{"bad XML", func(r *samltest.Response) {
			r.AssertionEncryption.EditText = func(clear string) string { return spaces(clear[:len(clear)-1]) }
		}},
		{"bad inner signature", func(r *samltest.Response) {
			r.AssertionEncryption.EditText = func(clear string) string { return spaces(must(clear, "Test User", "Evil User")) }
		}},
		{"missing inner signature", func(r *samltest.Response) { r.AssertionSigning = nil }},
	} {
		r := samltest.NewScene().Response()
		r.ResponseSigning = nil
		encrypted(samltest.Encryption{Content: xenc.AES128CBC, EditText: spaces})(r)
		class.change(r)
		names, values = append(names, class.name), append(values, r.Encode())
		if len(values[0]) != len(values[len(values)-1]) {
			t.Fatalf("%s has another length", class.name)
		}
	}
	return names, values
}

// durations validates each message many times, in random order so that what
// disturbs the machine disturbs all of them, and returns what each try took.
func durations(t *testing.T, sp *saml.ServiceProvider, values []string, tries, parallel int) [][]time.Duration {
	t.Helper()
	order := make(chan int, tries)
	shuffled := make([]int, tries)
	for i := range shuffled {
		shuffled[i] = i % len(values)
	}
	rand.New(rand.NewPCG(31, 32)).Shuffle(tries, func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	for _, class := range shuffled {
		order <- class
	}
	close(order)
	spent := make([][]time.Duration, len(values))
	var mu sync.Mutex
	var all sync.WaitGroup
	for range parallel {
		all.Go(func() {
			for class := range order {
				began := time.Now()
				_, err := sp.Validate(saml.Message{Values: []string{values[class]}, Received: samltest.Now(), Requests: pending(samltest.RequestID)})
				took := time.Since(began)
				if err == nil || err.Error() != string(saml.CodeDecryptionFailed) {
					t.Errorf("class %d: %v", class, err)
				}
				mu.Lock()
				spent[class] = append(spent[class], took)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return spent
}

// mannWhitney returns how many standard deviations the rank sum of a stands
// from where it would be if a and b came from one distribution.
func mannWhitney(a, b []time.Duration) float64 {
	type one struct {
		took time.Duration
		ofA  bool
	}
	var all []one
	for _, d := range a {
		all = append(all, one{d, true})
	}
	for _, d := range b {
		all = append(all, one{d, false})
	}
	slices.SortFunc(all, func(x, y one) int { return cmp.Compare(x.took, y.took) })
	ranks := 0.0
	for i := 0; i < len(all); {
		j := i
		for j < len(all) && all[j].took == all[i].took {
			j++
		}
		for k := i; k < j; k++ {
			if all[k].ofA {
				ranks += float64(i+j+1) / 2 // equal ones share their ranks
			}
		}
		i = j
	}
	n, m := float64(len(a)), float64(len(b))
	return (ranks - n*(n+m+1)/2) / math.Sqrt(n*m*(n+m+1)/12)
}

// furthest is the pair of classes that can be told apart best.
func furthest(names []string, spent [][]time.Duration) (z float64, pair string) {
	for i := range spent {
		for j := range i {
			if one := mannWhitney(spent[i], spent[j]); math.Abs(one) > math.Abs(z) {
				z, pair = one, names[i]+" and "+names[j]
			}
		}
	}
	return z, pair
}

func medians(names []string, spent [][]time.Duration) string {
	var b strings.Builder
	for i, list := range spent {
		slices.Sort(list)
		fmt.Fprintf(&b, "\n%-24s median %9v, quartiles %9v and %9v", names[i], list[len(list)/2], list[len(list)/4], list[3*len(list)/4])
	}
	return b.String()
}

// maxZ is the threshold of the test below. If the times say nothing, the rank
// sums of two classes are distributed normally; of the ten pairs of five
// classes, one stands beyond five standard deviations in 170,000 runs of the
// test. With 400 tries in each class, five deviations are where an attacker
// guesses one of two classes right in three of five tries, who guesses right in
// one of two anyway.
const maxZ = 5

// TestRefusalsTakeTheSameTime makes 2,000 tries. What they cost without the
// waiting is written to the log: a bad transport or padding ends before the
// text is parsed, a bad inner signature only behind its digest.
func TestRefusalsTakeTheSameTime(t *testing.T) {
	s := samltest.NewScene()
	configured(ours(samltest.SP), allowing(saml.InsecureCBC()))(&s.SP)
	names, values := timed(t)

	sp, err := saml.New(s.SP)
	if err != nil {
		t.Fatal(err)
	}
	// A disturbed run, on a machine that has more to do, gets another chance.
	for try := range 2 {
		began := time.Now()
		spent := durations(t, sp, values, 2000, 32)
		z, pair := furthest(names, spent)
		t.Logf("blunted, in %v: at most %.1f deviations (%s)%s", time.Since(began).Round(time.Millisecond), z, pair, medians(names, spent))
		if math.Abs(z) < maxZ {
			break
		}
		if try == 1 {
			t.Errorf("%s can be told apart: %.1f deviations", pair, z)
		}
	}

	sp.SleepBy(func(time.Duration) {})
	spent := durations(t, sp, values, 500, 1)
	z, pair := furthest(names, spent)
	t.Logf("not blunted: up to %.1f deviations (%s)%s", z, pair, medians(names, spent))
}

// TestTheStatisticTellsClassesApart: a tenth of a millisecond in the noise of
// one would be noticed.
func TestTheStatisticTellsClassesApart(t *testing.T) {
	r := rand.New(rand.NewPCG(33, 34))
	draw := func(shift time.Duration) (list []time.Duration) {
		for range 400 {
			list = append(list, 50*time.Millisecond+shift+time.Duration(r.ExpFloat64()*float64(200*time.Microsecond)))
		}
		return list
	}
	if z := mannWhitney(draw(0), draw(0)); math.Abs(z) > maxZ {
		t.Errorf("the same distribution: %.1f", z)
	}
	if z := mannWhitney(draw(100*time.Microsecond), draw(0)); z < maxZ {
		t.Errorf("a shifted one: %.1f", z)
	}
	if z := mannWhitney([]time.Duration{1, 1, 1}, []time.Duration{1, 1, 1}); z != 0 {
		t.Errorf("equal times: %.1f", z)
	}
}
