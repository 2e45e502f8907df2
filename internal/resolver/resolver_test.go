package resolver_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"sallyport/internal/resolver"
	"sallyport/internal/testenv"
)

// start starts a server and returns a resolver that asks it.
func start(t *testing.T) (*testenv.DNS, resolver.Resolver) {
	t.Helper()
	d := testenv.StartDNS(t)
	all, err := resolver.New(d.Address)
	if err != nil || len(all) != 1 || all[0].Name() != d.Address {
		t.Fatalf("%v, %v", all, err)
	}
	return d, all[0]
}

func TestWhomASettingNames(t *testing.T) {
	for setting, want := range map[string]string{
		"":                               "1.1.1.1:53 8.8.8.8:53",
		"system":                         "system",
		"192.0.2.1:53":                   "192.0.2.1:53",
		"[2001:db8::1]:53,dns.test:5353": "[2001:db8::1]:53 dns.test:5353",
	} {
		all, err := resolver.New(setting)
		var names []string
		for _, r := range all {
			names = append(names, r.Name())
		}
		if got := strings.Join(names, " "); err != nil || got != want {
			t.Errorf("%q: %q, %v", setting, got, err)
		}
	}
	for _, setting := range []string{"192.0.2.1", "192.0.2.1:53,", "system,192.0.2.1:53", "1:2:3"} {
		if all, err := resolver.New(setting); err == nil {
			t.Errorf("%q: %v", setting, all)
		}
	}
}

func TestRecords(t *testing.T) {
	d, r := start(t)
	long := strings.Repeat("0123456789", 60) // in three parts
	d.TXT("acme.test", "one", long, "")
	d.MX("acme.test", "mail.acme.test", "backup.acme.test")
	d.MX("none.test", ".")
	d.Host("www.acme.test", "8.8.8.8", "2001:4860:4860::8888")
	d.Host("six.acme.test", "2001:4860:4860::8888")
	d.Alias("alias.acme.test", "again.acme.test")
	d.Alias("again.acme.test", "acme.test")
	d.Alias("dangling.acme.test", "nowhere.test")
	d.Host("empty.test")

	for name, want := range map[string][]string{
		"acme.test": {"one", long, ""}, "ACME.Test": {"one", long, ""}, "alias.acme.test": {"one", long, ""},
		"dangling.acme.test": nil, "nowhere.test": nil, "empty.test": nil,
	} {
		if got, err := r.TXT(t.Context(), name); err != nil || !slices.Equal(got, want) {
			t.Errorf("TXT %s: %q, %v", name, got, err)
		}
	}
	for name, want := range map[string][]string{"acme.test": {"mail.acme.test", "backup.acme.test"}, "none.test": nil, "nowhere.test": nil} {
		if got, err := r.MX(t.Context(), name); err != nil || !slices.Equal(got, want) {
			t.Errorf("MX %s: %q, %v", name, got, err)
		}
	}
	for name, want := range map[string]string{
		"www.acme.test": "[8.8.8.8 2001:4860:4860::8888]", "six.acme.test": "[2001:4860:4860::8888]", "acme.test": "[]", "nowhere.test": "[]",
	} {
		if got, err := r.Addresses(t.Context(), name); err != nil || fmt.Sprint(got) != want {
			t.Errorf("addresses of %s: %v, %v", name, got, err)
		}
	}
}

func TestNothingIsKept(t *testing.T) {
	d, r := start(t)
	for i := range 3 {
		want := fmt.Sprint(i)
		d.TXT("acme.test", want)
		if got, err := r.TXT(t.Context(), "acme.test"); err != nil || len(got) != 1 || got[0] != want {
			t.Errorf("%q, %v", got, err)
		}
	}
	if asked := d.Asked(); len(asked) != 3 {
		t.Errorf("%v", asked)
	}
}

func TestALongAnswerComesOverTCP(t *testing.T) {
	d, r := start(t)
	var texts []string
	for i := range 60 {
		texts = append(texts, fmt.Sprint(i, strings.Repeat("x", 500)))
	}
	d.TXT("acme.test", texts...)
	if got, err := r.TXT(t.Context(), "acme.test"); err != nil || !slices.Equal(got, texts) {
		t.Errorf("%d texts, %v", len(got), err)
	}
}

func TestTheSizeOfAnAnswerIsBounded(t *testing.T) {
	d, r := start(t)
	var texts []string
	for i := range 400 {
		texts = append(texts, fmt.Sprint(i))
	}
	d.TXT("many.test", texts...)
	if got, err := r.TXT(t.Context(), "many.test"); err != nil || len(got) != 100 {
		t.Errorf("%d texts, %v", len(got), err)
	}
	d.TXT("long.test", strings.Repeat("x", 5000))
	if got, err := r.TXT(t.Context(), "long.test"); err != nil || len(got) != 1 || len(got[0]) != 1024 {
		t.Errorf("%d texts, %v", len(got), err)
	}
}

func TestNoAnswerIsNotAnEmptyOne(t *testing.T) {
	d, r := start(t)
	for _, code := range []dnsmessage.RCode{dnsmessage.RCodeServerFailure, dnsmessage.RCodeRefused, dnsmessage.RCodeFormatError, dnsmessage.RCodeNotImplemented} {
		d.Refuse("acme.test", code)
		if got, err := r.TXT(t.Context(), "acme.test"); !errors.Is(err, resolver.ErrFailed) {
			t.Errorf("%v: %v, %v", code, got, err)
		}
	}
	d.Silence("acme.test")
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	if got, err := r.TXT(ctx, "acme.test"); !errors.Is(err, resolver.ErrFailed) || time.Since(began) > 3*time.Second {
		t.Errorf("%v, %v after %v", got, err, time.Since(began))
	}
	nobody, err := resolver.New(closedPort(t))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := nobody[0].MX(t.Context(), "acme.test"); !errors.Is(err, resolver.ErrFailed) {
		t.Errorf("%v, %v", got, err)
	}
	for _, name := range []string{strings.Repeat("x", 300), strings.Repeat("x", 64) + ".test"} {
		if got, err := r.TXT(t.Context(), name); !errors.Is(err, resolver.ErrFailed) {
			t.Errorf("%q: %v, %v", name, got, err)
		}
	}
}

// TestAServerThatNeverAnswers is given up after the bound that holds for every
// question.
func TestAServerThatNeverAnswers(t *testing.T) {
	t.Parallel()
	d, r := start(t)
	d.Silence("acme.test")
	began := time.Now()
	_, err := r.TXT(t.Context(), "acme.test")
	if took := time.Since(began); !errors.Is(err, resolver.ErrFailed) || took > 15*time.Second {
		t.Errorf("%v after %v", err, took)
	}
	if n := len(d.Asked()); n != 3 {
		t.Errorf("asked %d times", n)
	}
}

func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	return l.LocalAddr().String()
}

// TestForeignAnswersArePassedOver: what others send ahead of the server counts
// for nothing.
func TestForeignAnswersArePassedOver(t *testing.T) {
	d, r := start(t)
	d.Hijack(func(message []byte, tcp bool) [][]byte {
		forged := func(edit func(*dnsmessage.Message)) []byte {
			m := reply(message, "forged")
			edit(m)
			return packed(m)
		}
		return [][]byte{
			{}, []byte("nonsense"), message,
			forged(func(m *dnsmessage.Message) { m.ID++ }),
			forged(func(m *dnsmessage.Message) { m.Response = false }),
			forged(func(m *dnsmessage.Message) { m.Questions[0].Name = dnsmessage.MustNewName("globex.test.") }),
			forged(func(m *dnsmessage.Message) { m.Questions[0].Type = dnsmessage.TypeMX }),
			forged(func(m *dnsmessage.Message) { m.Questions = nil }),
			forged(func(m *dnsmessage.Message) { m.Questions = append(m.Questions, m.Questions[0]) }),
			forged(func(*dnsmessage.Message) {})[:30],
			packed(reply(message, "true")),
		}
	})
	if got, err := r.TXT(t.Context(), "acme.test"); err != nil || fmt.Sprint(got) != "[true]" {
		t.Errorf("%q, %v", got, err)
	}
}

// TestRecordsOfOthersAreLeftOut: in an answer stand records of a name that was
// not asked for.
func TestRecordsOfOthersAreLeftOut(t *testing.T) {
	d, r := start(t)
	d.Hijack(func(message []byte, _ bool) [][]byte {
		m := reply(message, "forged")
		m.Answers[0].Header.Name = dnsmessage.MustNewName("globex.test.")
		m.Additionals = reply(message, "forged").Answers
		m.Authorities = reply(message, "forged").Answers
		return [][]byte{packed(m)}
	})
	if got, err := r.TXT(t.Context(), "acme.test"); err != nil || len(got) > 0 {
		t.Errorf("%q, %v", got, err)
	}
}

// TestAnOldServerIsAskedAgain: it knows no extensions.
func TestAnOldServerIsAskedAgain(t *testing.T) {
	d, r := start(t)
	d.Hijack(func(message []byte, _ bool) [][]byte {
		var in dnsmessage.Message
		if err := in.Unpack(message); err != nil {
			t.Error(err)
		}
		m := reply(message, "here")
		if len(in.Additionals) > 0 {
			m.RCode, m.Answers = dnsmessage.RCodeFormatError, nil
		}
		return [][]byte{packed(m)}
	})
	if got, err := r.TXT(t.Context(), "acme.test"); err != nil || fmt.Sprint(got) != "[here]" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestAliasesInACircle(t *testing.T) {
	d, r := start(t)
	d.Alias("a.test", "b.test")
	d.Alias("b.test", "a.test")
	if got, err := r.TXT(t.Context(), "a.test"); err != nil || len(got) > 0 {
		t.Errorf("%q, %v", got, err)
	}
}

func TestHostileMessagesOverTCP(t *testing.T) {
	d, r := start(t)
	for name, over := range map[string]func(message []byte) []byte{
		"cut off":      func(message []byte) []byte { return packed(reply(message, "x"))[:20] },
		"empty":        func([]byte) []byte { return nil },
		"another id":   func(message []byte) []byte { m := reply(message, "x"); m.ID++; return packed(m) },
		"64 KiB of it": func([]byte) []byte { return make([]byte, 1<<16-1) },
	} {
		d.Hijack(func(message []byte, tcp bool) [][]byte {
			if tcp {
				return [][]byte{over(message)}
			}
			m := reply(message, "x")
			m.Truncated, m.Answers = true, nil
			return [][]byte{packed(m)}
		})
		if got, err := r.TXT(t.Context(), "acme.test"); !errors.Is(err, resolver.ErrFailed) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

// reply is a good answer with one text.
func reply(message []byte, text string) *dnsmessage.Message {
	var m dnsmessage.Message
	if err := m.Unpack(message); err != nil {
		panic(err)
	}
	m.Response, m.Additionals = true, nil
	m.Answers = []dnsmessage.Resource{{
		Header: dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Class: dnsmessage.ClassINET},
		Body:   &dnsmessage.TXTResource{TXT: []string{text}},
	}}
	return &m
}

func packed(m *dnsmessage.Message) []byte {
	raw, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return raw
}

// TestTheSystemsResolver: "localhost" is known to every system, and below
// .invalid there is nothing (RFC 6761). Without a network the answer is none.
func TestTheSystemsResolver(t *testing.T) {
	all, err := resolver.New("system")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := all[0].Addresses(t.Context(), "localhost"); err != nil || len(got) == 0 || !got[0].Unmap().IsLoopback() {
		t.Errorf("%v, %v", got, err)
	}
	for _, ask := range []func(context.Context, string) ([]string, error){all[0].TXT, all[0].MX} {
		if got, err := ask(t.Context(), "nothing.invalid"); len(got) > 0 || err != nil && !errors.Is(err, resolver.ErrFailed) {
			t.Errorf("%v, %v", got, err)
		}
	}
}
