package sso

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/record"
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
	m := record.ReadMessage(in.SAMLResponse)
	j.result.Message, j.result.Cut = m.Readable(), m.Cut
}

// note takes over what package saml found.
func (j *judgement) note(checks []saml.Check, attributes saml.Attributes) {
	j.result.Checks = append(j.result.Checks, record.Checks(checks)...)
	j.result.Attributes = record.Attributes(attributes)
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

// userChecks look at whom the message names. Whether that user would be let in
// is no part of a test: there it is a warning.
func (s *Service) userChecks(tx *db.Tx, p *Profile, j *judgement) error {
	if j.result.Email == "" {
		j.result.Checks = append(j.result.Checks, unreachedDomain, unreachedUser)
		return nil
	}
	u, f, err := s.decide(tx, p, j.result.Email)
	if err != nil {
		return err
	}
	checks, err := s.policyChecks(tx, p, j.result.Email, &u, f)
	if err != nil {
		return err
	}
	if checks[0].Status == saml.Failed {
		j.code = cmp.Or(j.code, checks[0].Code)
	} else if u.ID != "" {
		j.result.UserID, j.result.UserName = u.ID, u.Name
	}
	if user := &checks[1]; user.Status == saml.Failed {
		user.Status = saml.Warning
	}
	j.result.Checks = append(j.result.Checks, checks...)
	return nil
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
