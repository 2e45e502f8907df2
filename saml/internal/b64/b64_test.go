package b64

import (
	"encoding/base64"
	"strings"
	"testing"
)

func TestAppend(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "QQ==": "A", "QUI=": "AB", "QUJD": "ABC", " Q\tQ\r=\n=\n": "A", "QU\r\nJD\n": "ABC", "+/+/": "\xfb\xff\xbf",
	} {
		if got, err := Append([]byte("x"), []byte(in)); err != nil || string(got) != "x"+want {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	for _, in := range []string{"Q", "QQ", "QQ=", "QUI", "QQ===", "QR==", "QUJ=", "=", "====", "QQ==QQ==", "QQ==A", "Q Q", "QUJD\x00", "QUJD-_", "Q\u00a0UJD", "QUJD\v", "\xff"} {
		if got, err := Append([]byte("x"), []byte(in)); err == nil || string(got) != "x" {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
}

func TestExceeds(t *testing.T) {
	for size := range 200 {
		s := base64.StdEncoding.EncodeToString(make([]byte, size))
		if Exceeds(s, size) || size > 0 && !Exceeds(s, size-1) {
			t.Errorf("%d octets", size)
		}
	}
	wide := strings.Join(strings.Split(base64.StdEncoding.EncodeToString(make([]byte, 100)), "AAAAAAAA"), "AAAAAAAA \t\r\n")
	if Exceeds(wide, 100) || !Exceeds(wide, 99) {
		t.Error("white space is counted")
	}
	if !Exceeds(strings.Repeat("\n", 404), 100) {
		t.Error("white space beyond all measure")
	}
}
