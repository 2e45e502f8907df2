package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// sendTimeout bounds connecting to a server, and sending one mail.
const sendTimeout = 20 * time.Second

// A Transport takes mails to where the operator wants them.
type Transport interface {
	// Open connects. Its error means that no mail can be sent now.
	Open(ctx context.Context) (Conn, error)
}

// A Conn is a connection for several mails, one after the other.
type Conn interface {
	// Send hands one mail over. An error of the server about this mail is a
	// [*replyError]; after any other one the connection is broken.
	Send(ctx context.Context, e *envelope) error
	Close() error
}

// Expected says what [ParseTransport] takes.
const Expected = "log:, file:DIR with a directory that is there, smtp://[USER:PASSWORD@]HOST[:PORT], or smtps://…"

// ParseTransport reads the setting that says where mails go. It connects to
// nothing. Its error quotes nothing of the setting: it may hold a password.
func ParseTransport(setting string, logger *slog.Logger) (Transport, error) {
	wrong := errors.New("expected " + Expected)
	if setting == "log:" {
		return logged{logger}, nil
	}
	if dir, ok := strings.CutPrefix(setting, "file:"); ok {
		if !writable(dir) {
			return nil, wrong
		}
		return directory(dir), nil
	}
	u, err := url.Parse(setting)
	if err != nil || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" ||
		u.RawQuery != "" || u.Fragment != "" {
		return nil, wrong
	}
	s := &server{host: u.Hostname(), tls: u.Scheme == "smtps", port: 25}
	if u.User != nil {
		s.user = u.User.Username()
		s.password, _ = u.User.Password()
		s.port = 587 // RFC 6409
	}
	if s.tls {
		s.port = 465 // RFC 8314
	}
	if u.Port() != "" {
		if s.port, err = strconv.Atoi(u.Port()); err != nil || s.port < 1 || s.port > 65535 {
			return nil, wrong
		}
	}
	return s, nil
}

// A replyError is the server's no to one mail. It holds no word of the
// server's: those often repeat the address.
type replyError struct {
	step     string
	code     int    // RFC 5321
	enhanced string // RFC 3463, such as 5.1.1
}

func (e *replyError) Error() string {
	return strings.TrimSpace(fmt.Sprintf("the mail server refused %s: %d %s", e.step, e.code, e.enhanced))
}

// final reports whether it is of no use to try again: there is no such
// mailbox. What the operator may repair, such as a server that relays nothing,
// is tried again.
func (e *replyError) final() bool {
	if e.enhanced != "" {
		return strings.HasPrefix(e.enhanced, "5.1.") || e.enhanced == "5.2.1"
	}
	return e.code == 550 || e.code == 551 || e.code == 553
}

// Reach reports why no mail could be sent now; nil if one could.
func Reach(ctx context.Context, t Transport) error {
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	conn, err := t.Open(ctx)
	if err != nil {
		return err
	}
	return conn.Close()
}

// reachTimeout is how long a server that starts waits for the mail server.
const reachTimeout = 5 * time.Second
