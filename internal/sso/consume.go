package sso

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/record"
	"sallyport/internal/signin"
	"sallyport/internal/trace"
	"sallyport/saml"
)

// A Response is what a browser posted to a profile's ACS URL.
type Response struct {
	ProfileID    string
	SAMLResponse []string // all values of the field
	RelayState   string
	TooLarge     bool // the rest was not read
}

// A Consumed response leads the browser on.
type Consumed struct {
	// Restart is set where the response answers no request and a request of
	// our own has to be made; ReturnTo is where the user wanted to go.
	Restart  bool
	ReturnTo string
	// Ticket is what /login/finish takes otherwise, once. BrowserToken is set
	// where the sign-in did not start here: the answer itself puts it into the
	// cookie that the ticket is bound to.
	Ticket       string
	BrowserToken string
}

// ticketLife is how long the browser has to get from the ACS to the finish.
const ticketLife = 60 * time.Second

// Consume decides whether a response signs somebody in. A response that is
// refused is a [*signin.Refusal] and recorded.
func (s *Service) Consume(ctx context.Context, actor access.Actor, in Response) (out Consumed, err error) {
	ctx, span := trace.Start(ctx, "sso.consume")
	defer func() { span.End(err) }()
	if !in.TooLarge {
		if t, found, err := s.testFor(ctx, in, in.RelayState); err != nil {
			return Consumed{}, err
		} else if found {
			return s.takeTest(ctx, actor, t, in)
		}
	}
	p, err := s.signInProfile(ctx, in.ProfileID)
	at := s.now()
	attempt := signin.Attempt{Method: access.MethodSSO, ProfileID: p.ID, OrganizationID: p.OrganizationID, Posted: in.SAMLResponse}
	if err != nil {
		// The answer to a test of a draft, from an Identity Provider that loses
		// the RelayState.
		if t, found, e := s.testFor(ctx, in, claimed(in)); e == nil && found {
			return s.takeTest(ctx, actor, t, in)
		}
		if f := fault.From(err); f.Code == fault.SSOProfileDisabled || f.Code == fault.NotFound {
			return Consumed{}, s.refuse(ctx, actor, at, attempt, in, f, profileCheck(f))
		}
		return Consumed{}, err
	}
	span.Set(trace.Profile, p.ID)
	if in.TooLarge {
		return Consumed{}, s.refuse(ctx, actor, at, attempt, in, fault.New(fault.SAMLTooLarge, ""), sizeCheck())
	}
	sp, err := s.serviceProvider(ctx, &p)
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return Consumed{}, s.refuse(ctx, actor, at, attempt, in, f, profileCheck(f))
	}
	if err != nil {
		return Consumed{}, err
	}
	var lookup error
	var answers string
	named := false // a request that it answers
	began := time.Now()
	validating, validation := trace.Start(ctx, "saml.validate")
	res, err := sp.Validate(saml.Message{
		Values: in.SAMLResponse, Received: at, Record: s.record.On(),
		Requests: func(requestID string) saml.RequestState {
			named = true
			if isTestRequest(requestID) {
				answers = requestID
			}
			state, err := s.requestState(validating, p.ID, requestID)
			lookup = errors.Join(lookup, err)
			return state
		},
	})
	s.cfg.Observe(time.Since(began))
	validation.End(validated(err))
	if lookup != nil {
		return Consumed{}, lookup // the answer would rest on a guess
	}
	if t, found, err := s.testFor(ctx, in, answers); err != nil {
		return Consumed{}, err
	} else if found {
		return s.takeTest(ctx, actor, t, in)
	}
	if err != nil {
		var refusal *saml.Refusal
		if !errors.As(err, &refusal) {
			return Consumed{}, err
		}
		attempt.Started, attempt.Vouched = startedAt(refusal.Checks, named), vouched(refusal.Checks)
		attempt.Attributes = record.Attributes(refusal.Attributes)
		if err := s.askRefresh(ctx, actor, &p, refusal); err != nil {
			return Consumed{}, err
		}
		return Consumed{}, s.refuse(ctx, actor, at, attempt, in, samlFault(refusal), record.Checks(refusal.Checks)...)
	}
	attempt.Checks = record.Checks(res.Checks)
	if res.Restart {
		attempt.Started = record.SideIdP
		return s.restart(ctx, actor, at, attempt, in)
	}
	attempt.Started, attempt.Vouched = record.SideHere, true
	if res.Assertion.InResponseTo == "" {
		attempt.Started = record.SideIdP
	}
	return s.accept(ctx, actor, at, attempt, &p, res.Assertion, in)
}

// refuse records a message that is not believed. Its RelayState, which nobody
// can guess, still tells where a user who tries again wants to go.
func (s *Service) refuse(ctx context.Context, actor access.Actor, at time.Time, a signin.Attempt, in Response, f *fault.Error, checks ...record.Check) error {
	if ours(in.RelayState) {
		err := s.db.View(ctx, func(tx *db.Tx) error {
			r, err := requestByID(tx, in.ProfileID, in.RelayState)
			if errors.Is(err, db.ErrNoRows) {
				return nil
			}
			a.ReturnTo = r.returnTo
			return err
		})
		if err != nil {
			return err
		}
	}
	a.Checks = checks
	return s.signin.RefuseAt(actor, at, a, f)
}

// samlFault is what the user is told of a refused message: nothing of it. The
// checks are for the administrator's record.
func samlFault(r *saml.Refusal) *fault.Error {
	return fault.Wrap(r, fault.Code(r.Code), "Please try again.")
}

// validated is the error of a validation as a trace shows it.
func validated(err error) error {
	if refusal, ok := errors.AsType[*saml.Refusal](err); ok {
		return samlFault(refusal)
	}
	return err
}

// requestState tells what became of a request of ours.
func (s *Service) requestState(ctx context.Context, profileID, requestID string) (state saml.RequestState, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		state, err = stateOf(tx, profileID, requestID)
		return err
	})
	return state, err
}

func stateOf(tx *db.Tx, profileID, requestID string) (saml.RequestState, error) {
	r, err := requestByID(tx, profileID, requestID)
	switch {
	case errors.Is(err, db.ErrNoRows):
		return saml.RequestUnknown, nil
	case err != nil:
		return saml.RequestUnknown, err
	case !r.usedAt.IsZero():
		return saml.RequestUsed, nil
	case !r.createdAt.After(tx.Now().Add(-pendingFor)):
		return saml.RequestExpired, nil
	}
	return saml.RequestPending, nil
}

// restart has a request of our own made in place of an answer to none. An
// Identity Provider that answers such a request as if there had been none
// would go round in circles: it is refused.
func (s *Service) restart(ctx context.Context, actor access.Actor, at time.Time, a signin.Attempt, in Response) (Consumed, error) {
	path, ok := signin.LocalPath(in.RelayState)
	if ok || !ours(in.RelayState) {
		return Consumed{Restart: true, ReturnTo: path}, nil
	}
	var marked bool
	err := s.db.View(ctx, func(tx *db.Tx) error {
		r, err := requestByID(tx, in.ProfileID, in.RelayState)
		if errors.Is(err, db.ErrNoRows) {
			return nil
		}
		marked, path = r.restarted, r.returnTo
		return err
	})
	if err != nil {
		return Consumed{}, err
	}
	if marked {
		return Consumed{}, s.refuse(ctx, actor, at, a, in, fault.New(fault.SAMLIdPInitiatedRefused,
			"Your company's sign-in page does not answer our requests. Please tell your administrator the reference."), loopChecks(a.Checks)...)
	}
	return Consumed{Restart: true, ReturnTo: path}, nil
}

// ours reports whether a RelayState may be one that we made: the id of a
// request.
func ours(relayState string) bool {
	return relayState != "" && len(relayState) <= 256 &&
		!strings.ContainsFunc(relayState, func(r rune) bool { return r <= ' ' || r > '~' })
}

// accept consumes a valid assertion: in one transaction the request is used,
// the assertion remembered, the policy asked, and a ticket made. What is recorded
// follows the commit.
func (s *Service) accept(ctx context.Context, actor access.Actor, at time.Time, a signin.Attempt, p *Profile, as *saml.Assertion, in Response) (out Consumed, err error) {
	var refusal *signin.Refusal
	a.Reference, a.Attributes = s.record.Reference(), record.Attributes(as.Attributes)
	err = s.db.Update(ctx, actor, func(tx *db.Tx) error {
		out, refusal = Consumed{}, nil
		a, t := a, ticket{}
		a.Checks = slices.Clone(a.Checks)
		f, err := s.consume(tx, p, as, in.RelayState, &a, &t)
		if err != nil {
			return err
		}
		if f != nil {
			a.ReturnTo = t.returnTo
			refusal = s.signin.Refuse(tx, a, f)
			return nil
		}
		out.Ticket = s.ids.Token()
		t.hash, t.reference, t.expiresAt = id.Hash(out.Ticket), a.Reference, tx.Now().Add(ticketLife)
		if t.browserHash == nil {
			out.BrowserToken = s.ids.Token()
			t.browserHash = id.Hash(out.BrowserToken)
		}
		tx.AfterCommit(func() { s.record.Verify(a.Note(actor, at)) })
		return insertTicket(tx, &t)
	})
	if err == nil {
		s.noteUse(p, as.Certificate) // whoever it was that could not be let in
	}
	if err == nil && refusal != nil {
		err = refusal
	}
	return out, err
}

// consume uses up what the assertion rests on, decides on the user, and fills
// in the attempt and the ticket.
func (s *Service) consume(tx *db.Tx, p *Profile, as *saml.Assertion, relayState string, a *signin.Attempt, t *ticket) (*fault.Error, error) {
	if as.InResponseTo != "" {
		r, err := useRequest(tx, p.ID, as.InResponseTo, tx.Now().Add(-pendingFor))
		if errors.Is(err, db.ErrNoRows) {
			a.Checks = append(a.Checks, replayCheck("a pending request", as.InResponseTo))
			return fault.New(fault.SAMLReplayed, "Please start again."), nil
		}
		if err != nil {
			return nil, err
		}
		t.browserHash, t.returnTo = r.browserHash, r.returnTo
	} else if path, ok := signin.LocalPath(relayState); ok {
		t.returnTo = path
	}
	first, err := rememberAssertion(tx, p.ID, as.ID, as.RememberUntil)
	if err != nil {
		return nil, err
	}
	a.Typed = as.Email
	if !first {
		a.Checks = append(a.Checks, replayCheck("an assertion that was not used before", as.ID))
		return fault.New(fault.SAMLReplayed, "Please start again."), nil
	}
	u, f, err := s.decide(tx, p, as.Email)
	if err != nil {
		return nil, err
	}
	a.User = u
	if s.record.On() {
		checks, err := s.policyChecks(tx, p, as.Email, &u, f)
		if err != nil {
			return nil, err
		}
		a.Checks = append(a.Checks, checks...)
	}
	t.profileID, t.userID, t.certificate = p.ID, u.ID, p.Certificates[as.Certificate].SHA256
	t.nameID, t.nameIDDetails, t.index = as.Email, nameIDDetails(as.NameID), as.SessionIndex
	t.authenticatedAt, t.notOnOrAfter = as.AuthnInstant, as.SessionNotOnOrAfter
	if t.authenticatedAt.IsZero() {
		t.authenticatedAt = tx.Now()
	}
	return f, nil
}

// decide finds the user whom an Identity Provider has vouched for. What is
// refused first tells least: no organization learns from its own Identity
// Provider who exists elsewhere.
func (s *Service) decide(tx *db.Tx, p *Profile, email string) (directory.User, *fault.Error, error) {
	none := directory.User{}
	address, err := directory.ParseAddress(email)
	if err != nil {
		return none, fault.New(fault.DomainNotVerified, ""), nil
	}
	holder, held, err := s.directory.Holder(tx, address.Domain)
	if err != nil {
		return none, nil, err
	}
	if !held || holder.OrganizationID != p.OrganizationID {
		return none, fault.New(fault.DomainNotVerified, "Your organization has not verified the domain of your address."), nil
	}
	u, known, err := s.directory.UserByAddress(tx, address)
	if err != nil {
		return none, nil, err
	}
	if !known || u.OrganizationID != p.OrganizationID {
		return none, fault.New(fault.UserNotFound, "Ask your administrator to add you."), nil
	}
	d, err := s.directory.SignIn(tx, &u)
	return u, signin.Mismatch(d, access.MethodSSO, p.ID), err
}

func (s *Service) now() time.Time { return s.db.Now() }
