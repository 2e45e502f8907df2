package app

import (
	"io"
	"log/slog"
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
