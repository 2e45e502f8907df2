package app

import (
	"bytes"
	"strings"
	"testing"
)

func TestSecretsAreBlankedInLogs(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		var b bytes.Buffer
		log := NewLogger(&b, "debug", format)
		for _, name := range []string{"password", "Password", "current_password", "secret", "secret_key", "token", "SessionToken", "Set-Cookie", "Authorization",
			"SAMLResponse", "samlrequest", "ticket"} {
			log.Info("said", name, "hunter2")
			log.WithGroup("group").Info("said", name, []byte("hunter2"))
			log.With(name, "hunter2").Info("said")
		}
		if strings.Contains(b.String(), "hunter2") || strings.Count(b.String(), "[redacted]") != 36 {
			t.Errorf("%s: %s", format, b.String())
		}
		log.Info("said", "reference", "att_1", "cause", "because")
		if !strings.Contains(b.String(), "att_1") || !strings.Contains(b.String(), "because") {
			t.Errorf("%s: %s", format, b.String())
		}
	}
}

func TestTheLevelCounts(t *testing.T) {
	for level, want := range map[string]int{"debug": 4, "info": 3, "warn": 2, "error": 1, "nonsense": 3} {
		var b bytes.Buffer
		log := NewLogger(&b, level, "text")
		log.Debug("x")
		log.Info("x")
		log.Warn("x")
		log.Error("x")
		if got := strings.Count(b.String(), "\n"); got != want {
			t.Errorf("%s: %d lines", level, got)
		}
	}
}
