package saml_test

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/saml"
	"sallyport/saml/internal/xenc"
	"sallyport/saml/samltest"
)

// says is what a result says of the subject. Which parts are signed is left
// out: a signature that is cut off leaves the other.
func says(a *saml.Assertion) string {
	b := *a
	b.ResponseSigned, b.AssertionSigned, b.Certificate = false, false, 0
	return fmt.Sprintf("%+v", b)
}

// signedMessages are good ones, each with one way of signing, and what they
// say.
func signedMessages(t testing.TB) (texts []string, said map[string]bool) {
	t.Helper()
	said = make(map[string]bool)
	sp := mustSP(t)
	for i, shape := range samltest.Shapes() {
		s := samltest.NewScene()
		r := shape.Response(s)
		sign(r, []string{onResponse, onAssertion, onBoth}[i%3])
		texts = append(texts, r.String())
		res, err := sp.Validate(message(s, []byte(r.String())))
		if err != nil {
			t.Fatal(err)
		}
		said[says(res.Assertion)] = true
	}
	return texts, said
}

func message(s samltest.Scene, text []byte) saml.Message {
	return saml.Message{Values: []string{samltest.Encode(string(text))}, Received: s.Now, Requests: pending(s.RequestID), Record: true}
}

// FuzzValidate changes signed messages: what is accepted says what was signed.
func FuzzValidate(f *testing.F) {
	texts, said := signedMessages(f)
	for _, text := range texts {
		f.Add([]byte(text))
	}
	s := samltest.NewScene()
	sp := mustSP(f)
	for _, a := range samltest.Attacks() {
		f.Add([]byte(a.Message(s)))
	}
	for _, text := range vectorSeeds(f, sp, s, said) {
		f.Add(text)
	}
	// What the Identity Provider signed before it was attacked may come out
	// again.
	for _, address := range []string{samltest.Email, samltest.Victim + ".evil.example"} {
		r := s.Response()
		r.Assertion.NameID.Value = address
		res, err := sp.Validate(message(s, []byte(r.String())))
		if err != nil {
			f.Fatal(err)
		}
		said[says(res.Assertion)] = true
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		res, err := sp.Validate(message(s, text))
		if r := refusal(t, err); r != nil && (!slices.Contains(saml.Codes(), r.Code) || len(r.Checks) == 0) {
			t.Errorf("%+v", r)
		}
		if err == nil && !res.Restart && !said[says(res.Assertion)] {
			t.Errorf("accepted: %s\n%s", says(res.Assertion), text)
		}
	})
}

// FuzzField gives any text as the form field.
func FuzzField(f *testing.F) {
	_, said := signedMessages(f)
	s := samltest.NewScene()
	f.Add(s.Response().Encode())
	f.Add(samltest.EncodeLines("<a/>", 4, "\r\n"))
	f.Add("====")
	sp := mustSP(f)
	said[says(mustAccept(f, sp, s).Assertion)] = true
	f.Fuzz(func(t *testing.T, value string) {
		res, err := sp.Validate(saml.Message{Values: []string{value}, Received: s.Now, Requests: pending(s.RequestID)})
		if err == nil && !res.Restart && !said[says(res.Assertion)] {
			t.Errorf("accepted: %s\n%s", says(res.Assertion), value)
		}
	})
}

// vectorSeeds are the messages of all vectors. What the good ones say is added
// to what was said, with those that only a stricter configuration refuses.
func vectorSeeds(f *testing.F, sp *saml.ServiceProvider, s samltest.Scene, said map[string]bool) (texts [][]byte) {
	for _, v := range vectors(f) {
		if e := v.header["encoding"]; e != "xml" && e != "base64" {
			continue
		}
		texts = append(texts, []byte(v.message))
		res, err := sp.Validate(message(s, []byte(v.message)))
		if err == nil && !res.Restart && (v.header["verdict"] == "accept" || v.header["options"] != "") {
			said[says(res.Assertion)] = true
		}
	}
	return texts
}

// FuzzEncrypted puts any text into an EncryptedAssertion of a response that
// nobody has signed, and gives any response to a service provider with keys:
// what is accepted was signed, and what is refused tells nothing of the text.
func FuzzEncrypted(f *testing.F) {
	s := samltest.NewScene()
	s.SP.Keys = samltest.SPKeys(samltest.SP)
	sp, err := saml.New(s.SP)
	if err != nil {
		f.Fatal(err)
	}
	sp.SleepBy(func(time.Duration) {})
	said := make(map[string]bool)
	good := s.Response()
	good.ResponseSigning = nil
	for _, content := range []string{xenc.AES128GCM, xenc.AES256GCM, xenc.AES256CBC} {
		r := s.Response()
		encrypted(samltest.Encryption{Content: content})(r)
		res, err := sp.Validate(message(s, []byte(r.String())))
		if err != nil {
			f.Fatal(err)
		}
		said[says(res.Assertion)] = true
		f.Add([]byte(r.String()), false)
	}
	text := good.String()
	f.Add([]byte(text[strings.Index(text, "<saml:Assertion"):strings.Index(text, "</samlp:Response>")]), true)
	for _, text := range vectorSeeds(f, sp, s, said) {
		f.Add(text, false)
	}
	sealed := func(clear string) []byte {
		r := s.Response()
		r.ResponseSigning, r.AssertionSigning = nil, nil
		encrypted(samltest.Encryption{EditText: func(string) string { return clear }})(r)
		return []byte(r.String())
	}
	f.Fuzz(func(t *testing.T, text []byte, seal bool) {
		if seal {
			text = sealed(string(text))
		}
		res, err := sp.Validate(message(s, text))
		if r := refusal(t, err); r != nil && seal && (r.Code != saml.CodeDecryptionFailed || r.Error() != string(saml.CodeDecryptionFailed)) {
			t.Errorf("the sender is told: %v", r)
		}
		if err == nil && !res.Restart && !said[says(res.Assertion)] {
			t.Errorf("accepted: %s\n%s", says(res.Assertion), text)
		}
	})
}

func mustAccept(t testing.TB, sp *saml.ServiceProvider, s samltest.Scene) *saml.Result {
	t.Helper()
	res, err := sp.Validate(message(s, []byte(s.Response().String())))
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// TestEveryOctetCounts changes signed messages at one octet after the other:
// each change refuses, or leaves what the message says as it was.
func TestEveryOctetCounts(t *testing.T) {
	texts, said := signedMessages(t)
	step := 23
	if os.Getenv("SOAK") == "1" {
		step = 1
	}
	s := samltest.NewScene()
	sp := mustSP(t)
	accepted := 0
	for _, text := range texts {
		for at := 0; at < len(text); at += step {
			for n, changed := range changes([]byte(text), at) {
				res, err := sp.Validate(message(s, changed))
				if err != nil || res.Restart {
					continue
				}
				accepted++
				if !said[says(res.Assertion)] {
					t.Fatalf("change %d at %d was accepted: %s\n%s", n, at, says(res.Assertion), changed)
				}
			}
		}
	}
	if accepted == 0 {
		t.Error("no change was accepted: nothing was tried")
	}
}

// changes are what is done to one octet.
func changes(text []byte, at int) [][]byte {
	splice := func(with string, skip int) []byte {
		return bytes.Join([][]byte{text[:at], []byte(with), text[min(len(text), at+skip):]}, nil)
	}
	return [][]byte{
		splice(string(rune(text[at]^1)), 1), splice(string(rune(text[at]&0x7f^0x20)), 1), splice("", 1),
		splice(string(text[at:at+1]), 0), splice(" ", 0), splice("<x/>", 0), splice("&#32;", 0), splice("\r", 0), splice("", 20),
	}
}
