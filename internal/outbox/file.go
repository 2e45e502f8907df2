package outbox

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
)

// A directory takes each mail as a file of its own, ID.eml, which is there
// only when it is whole.
type directory string

func writable(dir string) bool {
	info, err := os.Stat(dir)
	return err == nil && info.IsDir()
}

// Open implements [Transport].
func (d directory) Open(context.Context) (Conn, error) { return d, nil }

// Send implements [Conn].
func (d directory) Send(_ context.Context, e *envelope) error {
	text, err := e.compose()
	if err != nil {
		return &replyError{step: "nothing: the mail can't be composed"}
	}
	making := filepath.Join(string(d), "."+e.id+".making")
	if err := os.WriteFile(making, text, 0o600); err != nil {
		return err
	}
	return os.Rename(making, filepath.Join(string(d), e.id+".eml"))
}

// Close implements [Conn].
func (d directory) Close() error { return nil }

// logged writes mails to the log, with all that they hold: for trying out.
type logged struct{ logger *slog.Logger }

// Open implements [Transport].
func (l logged) Open(context.Context) (Conn, error) { return l, nil }

// Send implements [Conn].
func (l logged) Send(_ context.Context, e *envelope) error {
	l.logger.Info("mail", "id", e.id, "kind", e.kind, "to", e.To, "subject", e.Subject, "text", e.Text)
	return nil
}

// Close implements [Conn].
func (l logged) Close() error { return nil }
