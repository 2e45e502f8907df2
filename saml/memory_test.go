package saml_test

import (
	"runtime"
	"testing"

	"sallyport/saml"
	"sallyport/saml/samltest"
)

// maxAllocations is how many pieces of memory a validation may take, however
// long the message is. The verification of one RSA signature takes 15 of them.
const maxAllocations = 100

// TestAValidationTakesLittleMemory: at most so many pieces, and no more octets
// than the message has.
func TestAValidationTakesLittleMemory(t *testing.T) {
	for _, l := range loads() {
		s := samltest.NewScene()
		text := l.message(t, s)
		s.SP.Keys = samltest.SPKeys(samltest.SP)
		sp, err := saml.New(s.SP)
		if err != nil {
			t.Fatal(err)
		}
		m := saml.Message{Values: []string{samltest.Encode(text)}, Received: s.Now, Requests: pending(s.RequestID)}
		validate := func() {
			if _, err := sp.Validate(m); err != nil {
				t.Fatal(err)
			}
		}
		validate() // what is kept for the next message is not counted
		const runs = 200
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range runs {
			validate()
		}
		runtime.ReadMemStats(&after)
		pieces, octets := (after.Mallocs-before.Mallocs)/runs, (after.TotalAlloc-before.TotalAlloc)/runs
		t.Logf("%s: %d octets cost %d in %d pieces", l.name, len(text), octets, pieces)
		if pieces > maxAllocations || octets > uint64(len(text)) {
			t.Errorf("%s: %d octets in %d pieces for a message of %d octets", l.name, octets, pieces, len(text))
		}
	}
}
