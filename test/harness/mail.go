package harness

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/internal/testenv"
)

// Mails returns what the server has written to an address since the last call,
// the oldest first. It does not wait.
func (s *Server) Mails(t testing.TB, to string) (list []testenv.Mail) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(s.MailDir, "*.eml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if os.IsNotExist(err) { // another test has read its mail
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if m := testenv.ReadMail(t, raw); strings.EqualFold(m.To, to) {
			list = append(list, m)
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		}
	}
	return list
}

// Mail waits for the next mail to an address, which has to be the only one.
func (s *Server) Mail(t testing.TB, to string) testenv.Mail {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		list := s.Mails(t, to)
		if len(list) > 1 {
			t.Fatalf("%d mails to %s: %v", len(list), to, list)
		}
		if len(list) == 1 {
			return list[0]
		}
		if time.Now().After(deadline) {
			t.Fatalf("no mail to %s came:\n%s", to, s.LogTail(20))
		}
	}
}

// NoMail fails if a mail to an address comes before all that was written until
// now has been sent.
func (s *Server) NoMail(t testing.TB, to string) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); s.Count(t, "select count(*) from outbox_mails") > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			break // other tests keep it busy: long enough all the same
		}
	}
	if list := s.Mails(t, to); len(list) > 0 {
		t.Fatalf("a mail to %s came: %+v", to, list[0])
	}
}

// Path is the path of a mailed link on the server.
func (s *Server) Path(t testing.TB, link string) string {
	t.Helper()
	path, ok := strings.CutPrefix(link, s.Base)
	if !ok {
		t.Fatalf("the link %s does not lead to %s", link, s.Base)
	}
	return path
}

// MailedPath waits for a mail to an address and returns the path that its link
// leads to.
func (s *Server) MailedPath(t testing.TB, to string) string {
	t.Helper()
	return s.Path(t, s.Mail(t, to).Link(t))
}
