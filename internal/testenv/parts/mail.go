package parts

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/internal/testenv"
)

// Mails sends what waits and returns what was written to an address since the
// last call, the oldest first.
func (p *Parts) Mails(t testing.TB, to string) (list []testenv.Mail) {
	t.Helper()
	p.Outbox.Flush(t.Context())
	files, err := filepath.Glob(filepath.Join(p.mailDir, "*.eml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if m := testenv.ReadMail(t, raw); m.To == to {
			list = append(list, m)
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		}
	}
	return list
}

// Mail returns the one mail that was written to an address since the last call.
func (p *Parts) Mail(t testing.TB, to string) testenv.Mail {
	t.Helper()
	list := p.Mails(t, to)
	if len(list) != 1 {
		t.Fatalf("%d mails to %s, not one: %v", len(list), to, list)
	}
	return list[0]
}

// LinkToken is the secret at the end of a mailed link.
func LinkToken(t testing.TB, m testenv.Mail) string {
	t.Helper()
	url := m.Link(t)
	return url[strings.LastIndexByte(url, '/')+1:]
}
