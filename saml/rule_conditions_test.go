package saml_test

import (
	"strings"
	"testing"
	"time"

	"sallyport/saml"
	"sallyport/saml/samltest"
)

// Rules 22 and 24: conditions, instants and tolerance.

func conditioned(f func(*samltest.Conditions)) func(*samltest.Response) {
	return func(r *samltest.Response) { f(r.Assertion.Conditions) }
}

func TestAudience(t *testing.T) {
	made := func(audiences ...[]string) func(*samltest.Response) {
		return conditioned(func(c *samltest.Conditions) { c.Audiences = audiences })
	}
	const other = "https://other.example/metadata"
	bad := saml.CodeAudienceMismatch
	run(t, []ruleCase{
		{name: "for us", response: made([]string{samltest.SPEntityID})},
		{name: "for us and others", response: made([]string{other, samltest.SPEntityID})},
		{name: "two restrictions that both name us", response: made([]string{samltest.SPEntityID}, []string{other, samltest.SPEntityID})},
		{name: "two restrictions of which one names us", response: made([]string{samltest.SPEntityID}, []string{other}), want: bad},
		{name: "for others", response: made([]string{other}), want: bad},
		{name: "no restriction", response: made(), want: bad},
		{name: "no conditions", response: func(r *samltest.Response) { r.Assertion.Conditions = nil }, want: bad},
		{name: "a restriction without audience", response: made([]string{}), want: bad},
		{name: "an empty audience", response: made([]string{""}), want: bad},
		{name: "a slash more", response: made([]string{samltest.SPEntityID + "/"}), want: bad},
		{name: "in capitals", response: made([]string{strings.ToUpper(samltest.SPEntityID)}), want: bad},
		{name: "with white space", response: made([]string{" " + samltest.SPEntityID}), want: bad},
		{name: "with an element inside", response: edit(samltest.SPEntityID+"</saml:Audience>", samltest.SPEntityID+"<x/></saml:Audience>"), want: bad},
		{name: "an audience of another namespace", response: edit("<saml:Audience>"+samltest.SPEntityID+"</saml:Audience>",
			`<Audience>`+samltest.SPEntityID+`</Audience>`), want: bad},
	})
}

func TestConditions(t *testing.T) {
	more := func(x string) func(*samltest.Response) {
		return conditioned(func(c *samltest.Conditions) { c.More = samltest.XML(x) })
	}
	unknown := saml.CodeConditionUnknown
	run(t, []ruleCase{
		{name: "OneTimeUse", response: conditioned(func(c *samltest.Conditions) { c.OneTimeUse = true })},
		{name: "ProxyRestriction", response: more(`<saml:ProxyRestriction Count="0"><saml:Audience>x</saml:Audience></saml:ProxyRestriction>`)},
		{name: "an unknown condition", response: more(`<saml:Condition/>`), want: unknown},
		{name: "a condition of another namespace", response: more(`<x xmlns="urn:x"/>`), want: unknown},
		{name: "OneTimeUse of another namespace", response: more(`<OneTimeUse/>`), want: unknown},
	})
}

func TestTheTimeOfConditions(t *testing.T) {
	from := func(offset time.Duration) func(*samltest.Response) {
		return conditioned(func(c *samltest.Conditions) { c.NotBefore = at(offset) })
	}
	until := func(offset time.Duration) func(*samltest.Response) {
		return conditioned(func(c *samltest.Conditions) { c.NotOnOrAfter = at(offset) })
	}
	issued := func(offset time.Duration) func(*samltest.Response) {
		return func(r *samltest.Response) { r.Assertion.IssueInstant = at(offset) }
	}
	five := func(c *saml.Config) { c.Tolerance = saml.MaxTolerance }
	exact := func(c *saml.Config) { c.Tolerance = -1 }
	late, early := saml.CodeExpired, saml.CodeNotYetValid
	ms := time.Millisecond
	run(t, []ruleCase{
		{name: "no bounds", response: conditioned(func(c *samltest.Conditions) { c.NotBefore, c.NotOnOrAfter = "", "" })},
		{name: "starting at the end of the tolerance", response: from(3 * time.Minute)},
		{name: "starting a millisecond later", response: from(3*time.Minute + ms), want: early},
		{name: "starting now, without tolerance", config: exact, response: from(0)},
		{name: "starting in a millisecond, without tolerance", config: exact, response: from(ms), want: early},
		{name: "starting at the end of five minutes", config: five, response: from(5 * time.Minute)},
		{name: "starting beyond five minutes", config: five, response: from(5*time.Minute + ms), want: early},
		{name: "ended a millisecond within the tolerance", response: until(-3*time.Minute + ms)},
		{name: "ended with the tolerance", response: until(-3 * time.Minute), want: late},
		{name: "ending now, without tolerance", config: exact, response: until(0), want: late},
		{name: "ending in a millisecond, without tolerance", config: exact, response: until(ms)},
		{name: "issued a day ago", response: issued(-24 * time.Hour)},
		{name: "issued a day and less than the tolerance ago", response: issued(-24*time.Hour - 3*time.Minute + ms)},
		{name: "issued a day and the tolerance ago", response: issued(-24*time.Hour - 3*time.Minute), want: late},
		{name: "issued ahead by the tolerance", response: issued(3 * time.Minute)},
		{name: "issued ahead by more", response: issued(3*time.Minute + ms), want: early},
		{name: "no instant of issue", response: func(r *samltest.Response) { r.Assertion.IssueInstant = "" }, want: late},
		{name: "a start that is no instant", response: conditioned(func(c *samltest.Conditions) { c.NotBefore = "x" }), want: early},
		{name: "an end that is no instant", response: conditioned(func(c *samltest.Conditions) { c.NotOnOrAfter = "x" }), want: late},
		{name: "an end with an offset", response: conditioned(func(c *samltest.Conditions) { c.NotOnOrAfter = "2026-03-01T11:31:00+02:00" })},
		{name: "an end with an offset that has passed", response: conditioned(func(c *samltest.Conditions) { c.NotOnOrAfter = "2026-03-01T09:31:00+02:00" }), want: late},
	})
}

func TestHowLongAnAssertionIsRemembered(t *testing.T) {
	for name, c := range map[string]struct {
		end, issued time.Duration
		want        time.Duration
	}{
		"by the conditions":           {end: 5 * time.Minute, want: 5*time.Minute + time.Hour + 3*time.Minute},
		"by the age, without end":     {want: 25*time.Hour + 3*time.Minute},
		"by the age, with a late end": {end: 48 * time.Hour, want: 25*time.Hour + 3*time.Minute},
		"by the age of an old one":    {end: 48 * time.Hour, issued: -20 * time.Hour, want: 5*time.Hour + 3*time.Minute},
	} {
		s := samltest.NewScene()
		r := s.Response()
		r.Assertion.IssueInstant = at(c.issued)
		if r.Assertion.Conditions.NotOnOrAfter = ""; c.end != 0 {
			r.Assertion.Conditions.NotOnOrAfter = at(c.end)
		}
		res, refused := judge(t, s.SP, saml.Message{Values: []string{r.Encode()}, Received: s.Now, Requests: pending(s.RequestID)})
		if refused != nil {
			t.Fatalf("%s: %v", name, refused)
		}
		if got := res.Assertion.RememberUntil.Sub(s.Now); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
