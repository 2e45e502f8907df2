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

func TestConnectionsAreLoggedWithoutTheirAddress(t *testing.T) {
	var b bytes.Buffer
	log := connectionLog(NewLogger(&b, "debug", "text"))
	for line, want := range map[string]string{
		"http: TLS handshake error from 192.0.2.7:4711: EOF":           "http: TLS handshake error from a client: EOF",
		"http: TLS handshake error from [2001:db8::1]:443: bad record": "http: TLS handshake error from a client: bad record",
		"http: panic serving 192.0.2.7:4711: oh":                       "http: panic serving a client: oh",
		"http: response.WriteHeader on hijacked connection":            "http: response.WriteHeader on hijacked connection",
	} {
		b.Reset()
		log.Print(line)
		if got := b.String(); !strings.Contains(got, want) || strings.Contains(got, "192.0.2") || strings.Contains(got, "2001:db8") {
			t.Error(got)
		}
	}
}
