package outbox

import (
	"context"
	"crypto/x509"
	"testing"
	"time"
)

// Trust has an SMTP transport trust an authority of a test.
func Trust(t Transport, roots *x509.CertPool) { t.(*server).roots = roots }

// Impatient makes waiting bearable in tests that are not about waiting.
func (o *Outbox) Impatient() { o.pause.longest = 50 * time.Millisecond }

// Fill puts values into a text.
var Fill = fill

// ClaimAndDie claims what is due, as a node that dies right afterwards. It
// returns how many mails that were.
func (o *Outbox) ClaimAndDie(ctx context.Context) int {
	parcels, err := o.claim(ctx)
	if err != nil {
		return -1
	}
	return len(parcels)
}

// Shape tells what letters of a kind hold.
func Shape(k Kind) (values []string, link bool) { return shapes[k].values, shapes[k].link }

// Check refuses a letter that does not fit its kind.
func Check(l Letter) error { return l.check() }

// NewWriter puts letters into words.
func NewWriter(t testing.TB, product string) func(Letter) Message {
	t.Helper()
	w, err := newWriter(product)
	if err != nil {
		t.Fatal(err)
	}
	return func(l Letter) Message {
		t.Helper()
		m, err := w.write(l)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
}

// Texts is the catalogue.
func Texts(t testing.TB) map[string]map[string]string {
	t.Helper()
	w, err := newWriter("")
	if err != nil {
		t.Fatal(err)
	}
	return w.texts
}
