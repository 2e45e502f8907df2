package app

import (
	"io"
	"log"
	"log/slog"
	"regexp"
	"strings"
)

// NewLogger makes the logger of a server. Attributes whose name speaks of a
// secret are blanked, whatever they hold: a second net below the rule that no
// secret is logged.
func NewLogger(w io.Writer, level, format string) *slog.Logger {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		l = slog.LevelInfo
	}
	o := &slog.HandlerOptions{Level: l, ReplaceAttr: redact}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

func redact(_ []string, a slog.Attr) slog.Attr {
	name := strings.ToLower(a.Key)
	for _, word := range [...]string{"password", "secret", "token", "cookie", "authorization", "samlresponse", "samlrequest", "ticket"} {
		if strings.Contains(name, word) {
			return slog.String(a.Key, "[redacted]")
		}
	}
	return a
}

// from is where net/http names the address of a client.
var from = regexp.MustCompile(`\b(from|serving) \S+:\d+`)

// connectionLog takes what net/http says of connections, without the address of
// who is at their other end.
func connectionLog(logger *slog.Logger) *log.Logger { return log.New(nameless{logger}, "", 0) }

type nameless struct{ logger *slog.Logger }

func (n nameless) Write(line []byte) (int, error) {
	n.logger.Debug("connection", "cause", from.ReplaceAllString(strings.TrimSpace(string(line)), "$1 a client"))
	return len(line), nil
}
