package sso

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/trace"
	"sallyport/saml"
)

// TestTicket begins the tickets that lead to the result of a test. No other
// ticket begins so.
const TestTicket = "test."

// testFor returns the test that a message is for, if it is one's answer: by its
// RelayState, or by what it says of the request that it answers. That is not
// verified yet: a message that lies about it ends at a failed test.
func (s *Service) testFor(ctx context.Context, in Response, requestID string) (t Test, found bool, err error) {
	if !isTestRequest(requestID) {
		return t, false, nil
	}
	err = s.db.View(ctx, func(tx *db.Tx) error {
		t, err = testByRequest(tx, in.ProfileID, requestID)
		return err
	})
	if errors.Is(err, db.ErrNoRows) {
		return t, false, nil
	}
	return t, err == nil, err
}

var answersTest = regexp.MustCompile(`\bInResponseTo\s*=\s*["'](` + testMark + `_[a-z2-7]+)["']`)

// claimed returns the test's request that a message says it answers, where there
// is no Identity Provider to read it with.
func claimed(in Response) string {
	if len(in.SAMLResponse) != 1 || len(in.SAMLResponse[0]) > saml.MaxMessage*3/2 {
		return ""
	}
	if m := answersTest.FindSubmatch(decoded(in.SAMLResponse[0])); m != nil {
		return string(m[1])
	}
	return ""
}

// decoded undoes base64 as far as it can be.
func decoded(field string) []byte {
	raw := make([]byte, base64.StdEncoding.DecodedLen(len(field)))
	n, _ := base64.StdEncoding.Decode(raw, []byte(strings.Join(strings.Fields(field), ""))) // the rest is shown as it is
	return raw[:n]
}

// takeTest judges the answer to a test and stores what it has found. It is not a
// sign-in: there is neither session nor user, and the ticket leads to the result
// alone. A second answer changes nothing.
func (s *Service) takeTest(ctx context.Context, actor access.Actor, t Test, in Response) (out Consumed, err error) {
	if t.Status != TestPending {
		return s.testTicket(ctx, actor, t.ID)
	}
	j, err := s.judge(ctx, &t, in)
	if err != nil {
		return out, err
	}
	err = s.db.Update(ctx, actor, func(tx *db.Tx) error {
		now, err := testByID(tx, t.ID)
		if err != nil {
			return err
		}
		ticket, err := s.ticketFor(tx, t.ID)
		out = Consumed{Ticket: ticket}
		if err != nil || now.Status != TestPending {
			return err
		}
		return s.settleTest(tx, &now, j.again())
	})
	return out, err
}

func (s *Service) testTicket(ctx context.Context, actor access.Actor, testID string) (out Consumed, err error) {
	err = s.db.Update(ctx, actor, func(tx *db.Tx) error {
		out.Ticket, err = s.ticketFor(tx, testID)
		return err
	})
	return out, err
}

func (s *Service) ticketFor(tx *db.Tx, testID string) (ticket string, err error) {
	ticket = TestTicket + s.ids.Token()
	return ticket, setTestTicket(tx, testID, id.Hash(ticket), tx.Now().Add(ticketLife))
}

// A judgement is what package saml says of an answer, and by which configuration.
type judgement struct {
	hash      []byte // of the configuration that it was judged by; nil: none
	assertion *saml.Assertion
	result    TestResult
	code      fault.Code // why it is refused; empty: it is not
}

// again is a copy to work on, for a transaction that may run several times.
func (j *judgement) again() *judgement {
	next := *j
	next.result.Checks = slices.Clone(j.result.Checks)
	return &next
}

func (j *judgement) fail(c TestCheck) {
	if c.Status = saml.Failed; j.code == "" {
		j.code = c.Code
	}
	j.result.Checks = append(j.result.Checks, c)
}

// judge validates an answer by the present configuration.
func (s *Service) judge(ctx context.Context, t *Test, in Response) (*judgement, error) {
	j := &judgement{}
	j.keep(in)
	var live, p Profile
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
		live, p, err = s.underTest(tx, t)
		return err
	})
	var f *fault.Error
	if errors.As(err, &f) && f.Code != fault.Internal && f.Code != fault.NotFound {
		j.fail(TestCheck{Name: CheckProfile, Code: f.Code, Expected: "an SSO profile that takes answers", Note: f.Detail})
		return j, nil
	}
	if err != nil {
		return j, err
	}
	sp, err := s.testProvider(ctx, &live, &p)
	if err != nil {
		return j, err
	}
	j.hash = p.hash()
	var lookup error
	began := time.Now()
	validating, validation := trace.Start(ctx, "saml.validate")
	res, err := sp.Validate(saml.Message{
		Values: in.SAMLResponse, Received: s.now(), Record: true,
		Requests: func(requestID string) saml.RequestState { return t.requestState(requestID, s.now()) },
		Consumed: func(assertionID string) bool {
			known, err := s.remembered(validating, p.ID, assertionID)
			lookup = errors.Join(lookup, err)
			return known
		},
	})
	s.cfg.Observe(time.Since(began))
	validation.End(validated(err))
	if lookup != nil {
		return j, lookup
	}
	if err == nil {
		j.assertion, j.result.Email = res.Assertion, res.Assertion.Email
		j.result.Foreign = t.foreign(&p, res.Decrypted)
		j.note(res.Checks, res.Assertion.Attributes)
		return j, nil
	}
	var refusal *saml.Refusal
	if !errors.As(err, &refusal) {
		return j, err
	}
	j.code, j.result.Foreign = fault.Code(refusal.Code), t.foreign(&p, refusal.Decrypted)
	j.note(refusal.Checks, refusal.Attributes)
	return j, nil
}

// requestState tells what became of the one request that a test has sent.
func (t *Test) requestState(requestID string, now time.Time) saml.RequestState {
	switch {
	case requestID != t.requestID:
		return saml.RequestUnknown
	case !now.Before(t.StartedAt.Add(pendingFor)):
		return saml.RequestExpired
	}
	return saml.RequestPending
}

func (s *Service) remembered(ctx context.Context, profileID, assertionID string) (known bool, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		known, err = knowsAssertion(tx, profileID, assertionID)
		return err
	})
	return known, err
}

// keep remembers the message, as far as that is of use.
func (j *judgement) keep(in Response) {
	if len(in.SAMLResponse) != 1 {
		return
	}
	field := in.SAMLResponse[0]
	if most := base64.StdEncoding.EncodedLen(2 * maxKept); len(field) > most {
		field, j.result.Cut = field[:most], true
	}
	raw := decoded(field)
	if len(raw) > maxKept {
		raw, j.result.Cut = raw[:maxKept], true
	}
	j.result.Message = strings.ToValidUTF8(string(bytes.ReplaceAll(raw, []byte{0}, []byte{' '})), "\uFFFD")
}

// note takes over what package saml found.
func (j *judgement) note(checks []saml.Check, attributes saml.Attributes) {
	for _, c := range checks {
		j.result.Checks = append(j.result.Checks, TestCheck{c.Name, fault.Code(c.Code), c.Status, c.Expected, c.Found, c.Note})
	}
	for a := range attributes.All() {
		if len(j.result.Attributes) == maxAttributes {
			break
		}
		kept := TestAttribute{Name: cut(a.Name)}
		for _, v := range a.Values[:min(len(a.Values), 20)] {
			kept.Values = append(kept.Values, cut(v))
		}
		j.result.Attributes = append(j.result.Attributes, kept)
	}
}

func cut(s string) string {
	if len(s) <= maxValue {
		return s
	}
	s = s[:maxValue]
	for !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s + "…"
}

// settleTest decides what package saml can't, stores the result, and has the
// configuration that passed count as tested.
func (s *Service) settleTest(tx *db.Tx, t *Test, j *judgement) error {
	p, err := profileByID(tx, t.ProfileID)
	if err != nil {
		return err
	}
	d, hasDraft, err := draftOf(tx, t.ProfileID)
	if err != nil {
		return err
	}
	seen := p
	if t.Draft && hasDraft {
		d.applyTo(&seen)
	}
	if err := s.finishChecks(tx, t, &p, seen.hash(), j); err != nil {
		return err
	}
	if t.Status, t.Code, t.AnsweredAt = TestPassed, j.code, tx.Now(); j.code != "" {
		t.Status = TestFailed
	}
	if err := s.countTest(tx, t, &p, &d, j); err != nil {
		return err
	}
	if err := s.sealResult(t, &j.result); err != nil {
		return err
	}
	if err := answerTest(tx, t); err != nil {
		return err
	}
	e := audit.Event{OrganizationID: p.OrganizationID, Action: audit.ProfileTested, Target: p.target(), Changes: []audit.Change{
		{Field: "method", New: "connection"}, {Field: "test_id", New: t.ID}, {Field: "draft", New: t.Draft}, {Field: "asked_by", New: t.AskedBy}}}
	if t.Status == TestFailed {
		e.Action, e.Outcome, e.Code, e.Reference = audit.ProfileTestFailed, audit.Refused, string(t.Code), t.ID
	}
	return s.audit.Append(tx, e)
}

// finishChecks adds the checks behind those of package saml.
func (s *Service) finishChecks(tx *db.Tx, t *Test, p *Profile, present []byte, j *judgement) error {
	if j.assertion != nil {
		first, err := rememberAssertion(tx, p.ID, j.assertion.ID, j.assertion.RememberUntil)
		if err != nil {
			return err
		}
		if !first {
			j.fail(TestCheck{Name: "replay", Code: fault.SAMLReplayed, Expected: "an assertion that was not used before", Found: j.assertion.ID})
		}
	}
	if j.hash != nil {
		same := bytes.Equal(j.hash, t.configHash) && bytes.Equal(present, t.configHash)
		c := TestCheck{Name: CheckConfiguration, Code: fault.SSOProfileNotTested, Status: saml.Passed, Expected: "the settings with which the test began"}
		if same {
			j.result.Checks = append(j.result.Checks, c)
		} else {
			c.Found, c.Note = "other settings", "the settings were changed while the test was under way: test again"
			j.fail(c)
		}
	}
	return s.userChecks(tx, p, j)
}

// userChecks look at whom the message names.
func (s *Service) userChecks(tx *db.Tx, p *Profile, j *judgement) error {
	domain := TestCheck{Name: CheckDomain, Code: fault.DomainNotVerified, Status: saml.NotReached}
	user := TestCheck{Name: CheckUser, Code: fault.UserNotFound, Status: saml.NotReached}
	if j.result.Email == "" {
		j.result.Checks = append(j.result.Checks, domain, user)
		return nil
	}
	u, f, err := s.decide(tx, p, j.result.Email)
	if err != nil {
		return err
	}
	if domain.Expected, err = s.heldDomains(tx, p.OrganizationID); err != nil {
		return err
	}
	_, domain.Found, _ = strings.Cut(j.result.Email, "@")
	if f != nil && f.Code == fault.DomainNotVerified {
		domain.Note = "the organization holds no such domain: verify it, or have the Identity Provider send another address"
		j.fail(domain)
		j.result.Checks = append(j.result.Checks, user)
		return nil
	}
	domain.Status, user.Status = saml.Passed, saml.Passed
	user.Expected, user.Found = "an active user whom the organization manages", j.result.Email
	if u.ID != "" {
		j.result.UserID, j.result.UserName = u.ID, u.Name
		user.Found = fmt.Sprintf("%s, %s", u.Email, u.Status)
	}
	if f != nil {
		user.Status, user.Code, user.Note = saml.Warning, f.Code, userNotes[f.Code]
	}
	j.result.Checks = append(j.result.Checks, domain, user)
	return nil
}

// userNotes say why a user would not have been signed in all the same.
var userNotes = map[fault.Code]string{
	fault.UserNotFound:         "nobody with this address has been added to the organization",
	fault.UserDeactivated:      "the user is deactivated",
	fault.SSONotEnabledForUser: "the user signs in with a password now: neither is the domain enforced with this profile nor SSO enabled for the user",
	fault.SSOProfileMismatch:   "the user signs in with another SSO profile",
}

// heldDomains names the domains that an organization holds, the first of them.
func (s *Service) heldDomains(tx *db.Tx, organizationID string) (string, error) {
	list, err := s.directory.DomainsOf(tx, organizationID)
	if err != nil {
		return "", err
	}
	var names []string
	for _, d := range list {
		if d.Status.Held() && len(names) < 10 {
			names = append(names, d.Name)
		}
	}
	if len(names) == 0 {
		return "a verified domain; the organization has none", nil
	}
	return strings.Join(names, ", "), nil
}

// countTest has a configuration count as tested that has just passed, unless the
// organization has lost SSO meanwhile: then everything stays as it is.
func (s *Service) countTest(tx *db.Tx, t *Test, p *Profile, d *SetupDraft, j *judgement) error {
	if t.Status != TestPassed {
		return nil
	}
	j.result.Counted = true
	if t.Draft {
		d.TestedHash, d.TestedAt = t.configHash, tx.Now()
		return putDraft(tx, d)
	}
	p.TestedHash, p.TestedAt = t.configHash, tx.Now()
	return updateProfile(tx, p)
}

// FinishTest takes the ticket of a test back: it counts once, in the browser that
// started the test. Any other browser is told nothing.
func (s *Service) FinishTest(ctx context.Context, actor access.Actor, ticket string, browserTokens []string) (v TestView, err error) {
	foreign := fault.New(fault.SAMLRequestUnknown,
		"The test was started in another browser, or this one does not keep our cookies. An administrator sees the result in the Admin Center.")
	err = s.db.Update(ctx, actor, func(tx *db.Tx) error {
		t, until, err := testByTicket(tx, id.Hash(ticket))
		switch {
		case errors.Is(err, db.ErrNoRows):
			return foreign
		case err != nil:
			return err
		case !t.startedIn(browserTokens):
			return foreign
		case !tx.Now().Before(until):
			return fault.New(fault.SAMLRequestExpired, "An administrator sees the result of the test in the Admin Center.")
		}
		if v, err = s.viewTest(tx, t, administers(actor, &t)); err != nil {
			return err
		}
		return setTestTicket(tx, t.ID, nil, time.Time{})
	})
	return v, err
}
