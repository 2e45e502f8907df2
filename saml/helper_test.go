package saml_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"sallyport/saml"
	"sallyport/saml/samltest"
)

// A ruleCase is one good message, one configuration and one way to present it,
// with what is changed of them, and what comes of it.
type ruleCase struct {
	name     string
	config   func(*saml.Config)
	response func(*samltest.Response)
	message  func(*saml.Message)
	signed   string    // parts; all three combinations in turn if empty
	want     saml.Code // empty if accepted
	warns    saml.Code // a warning that the record must hold
}

const (
	onResponse  = "the response"
	onAssertion = "the assertion"
	onBoth      = "both"
	onNeither   = "neither"
)

func run(t *testing.T, cases []ruleCase) {
	t.Helper()
	for _, c := range cases {
		parts := []string{onResponse, onAssertion, onBoth}
		if c.signed != "" {
			parts = []string{c.signed}
		}
		for _, signed := range parts {
			t.Run(c.name+" with "+signed+" signed", func(t *testing.T) { c.run(t, signed) })
		}
	}
}

func (c ruleCase) run(t *testing.T, signed string) {
	s := samltest.NewScene()
	if c.config != nil {
		c.config(&s.SP)
	}
	r := s.Response()
	sign(r, signed)
	if c.response != nil {
		c.response(r)
	}
	m := saml.Message{Received: s.Now, Requests: pending(s.RequestID), Record: true, Values: []string{r.Encode()}}
	if c.message != nil {
		c.message(&m)
	}
	res, refusal := judge(t, s.SP, m)
	if got := code(refusal); got != c.want {
		t.Fatalf("got %q, want %q\n%s\n%s", got, c.want, describe(res, refusal), r)
	}
	if c.warns != "" && !has(res, refusal, saml.Warning, c.warns) {
		t.Errorf("no warning %s in\n%s", c.warns, describe(res, refusal))
	}
	if c.warns == "" && c.want == "" && has(res, refusal, saml.Warning, "") {
		t.Errorf("a warning nobody wants in\n%s", describe(res, refusal))
	}
}

func sign(r *samltest.Response, parts string) {
	switch parts {
	case onResponse:
		r.AssertionSigning = nil
	case onAssertion:
		r.ResponseSigning = nil
	case onNeither:
		r.AssertionSigning, r.ResponseSigning = nil, nil
	}
}

// pending knows these requests as pending and no others.
func pending(ids ...string) func(string) saml.RequestState {
	return func(id string) saml.RequestState {
		for _, known := range ids {
			if known == id && id != "" {
				return saml.RequestPending
			}
		}
		return saml.RequestUnknown
	}
}

// judge validates a message twice, with and without the record, and wants the
// same decision.
func judge(t *testing.T, cfg saml.Config, m saml.Message) (*saml.Result, *saml.Refusal) {
	t.Helper()
	sp, err := saml.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	sp.SleepBy(func(time.Duration) {})
	record := m.Record
	m.Record = !record
	_, otherErr := sp.Validate(m)
	m.Record = record
	res, err := sp.Validate(m)
	if code(refusal(t, err)) != code(refusal(t, otherErr)) {
		t.Fatalf("recording changes the decision: %v, %v", err, otherErr)
	}
	if (res == nil) == (err == nil) {
		t.Fatalf("result %v with error %v", res, err)
	}
	return res, refusal(t, err)
}

func refusal(t testing.TB, err error) *saml.Refusal {
	t.Helper()
	if err == nil {
		return nil
	}
	var r *saml.Refusal
	if !errors.As(err, &r) || r.Code == "" || r.Error() == "" {
		t.Fatalf("an error that is no refusal: %v", err)
	}
	return r
}

func code(r *saml.Refusal) saml.Code {
	if r == nil {
		return ""
	}
	return r.Code
}

func checks(res *saml.Result, r *saml.Refusal) []saml.Check {
	if r != nil {
		return r.Checks
	}
	return res.Checks
}

func has(res *saml.Result, r *saml.Refusal, status saml.Status, code saml.Code) bool {
	for _, c := range checks(res, r) {
		if c.Status == status && (code == "" || c.Code == code) {
			return true
		}
	}
	return false
}

func describe(res *saml.Result, r *saml.Refusal) string {
	var b strings.Builder
	for _, c := range checks(res, r) {
		if c.Status == saml.Failed || c.Status == saml.Warning {
			fmt.Fprintf(&b, "%s %s %s: expected %q, found %q: %s\n", c.Status, c.Name, c.Code, c.Expected, c.Found, c.Note)
		}
	}
	return b.String()
}

// edit changes the text before it is signed.
func edit(old, with string) func(*samltest.Response) {
	return func(r *samltest.Response) {
		r.BeforeSigning = func(text string) string { return must(text, old, with) }
	}
}

// afterwards changes the text behind the signature.
func afterwards(old, with string) func(*samltest.Response) {
	return func(r *samltest.Response) {
		r.AfterSigning = func(text string) string { return must(text, old, with) }
	}
}

// must replaces the first occurrence of old, which has to be there.
func must(text, old, with string) string {
	if !strings.Contains(text, old) {
		panic("nothing to replace: " + old)
	}
	return strings.Replace(text, old, with, 1)
}

func at(offset time.Duration) string { return samltest.Instant(samltest.Now().Add(offset)) }

func mode(m saml.Mode) func(*saml.Config) { return func(c *saml.Config) { c.Mode = m } }
