package sso

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/signin"
	"sallyport/saml"
)

// A LogoutMessage is what a browser brought to a profile's Single Logout
// Service.
type LogoutMessage struct {
	ProfileID string
	Query     string     // of a GET, as it was received
	Form      url.Values // the body of a POST; nil for a GET
	TooLarge  bool       // the rest was not read
}

// A LogoutResult says what the Identity Provider made of our request.
type LogoutResult string

const (
	LogoutDone    LogoutResult = "done"
	LogoutPartial LogoutResult = "partial" // it could not reach every application
	LogoutFailed  LogoutResult = "failed"  // the user may still be signed in there
)

// A LoggedOut message leads the browser on. One of its fields is set, or none:
// an order was obeyed, and the Identity Provider wants no answer.
type LoggedOut struct {
	Reply  *Outbound
	Result LogoutResult
}

// TakeLogout decides on a message to the Single Logout Service. An order of the
// Identity Provider's ends the sessions that it means, whatever browser brings
// it: none of our cookies come with it. A refused message is a [*signin.Refusal],
// recorded, and ends nothing.
func (s *Service) TakeLogout(ctx context.Context, actor access.Actor, in LogoutMessage) (out LoggedOut, err error) {
	if !id.SSOProfile.Valid(in.ProfileID) {
		return out, fault.New(fault.NotFound, "There is no such sign-out page.")
	}
	p, err := s.logoutProfile(ctx, in.ProfileID)
	if err != nil {
		return out, err
	}
	if in.TooLarge {
		return out, s.refuseLogout(ctx, actor, &p, fault.New(fault.SAMLTooLarge, ""), nil)
	}
	sp, err := s.serviceProvider(ctx, &p)
	if err != nil {
		return out, err
	}
	var lookup error
	m, err := sp.ValidateLogout(saml.LogoutMessage{
		Query: in.Query, Form: in.Form, Received: s.now(),
		Requests: func(requestID string) (state saml.RequestState) {
			lookup = errors.Join(lookup, s.db.View(ctx, func(tx *db.Tx) (err error) {
				state, err = logoutState(tx, p.ID, requestID)
				return err
			}))
			return state
		},
	})
	var refusal *saml.Refusal
	switch {
	case lookup != nil:
		return out, lookup
	case errors.As(err, &refusal):
		return out, s.refuseLogout(ctx, actor, &p, logoutFault(refusal), refusal.Checks)
	case err != nil:
		return out, err
	case m.Response != nil:
		out.Result, err = s.takeAnswer(ctx, actor, &p, m.Response)
		return out, err
	}
	binding := saml.HTTPRedirect
	if in.Form != nil {
		binding = saml.HTTPPost
	}
	out.Reply, err = s.obey(ctx, actor, &p, sp, m, binding)
	return out, err
}

// logoutFault is what the user is told of a refused message.
func logoutFault(r *saml.Refusal) *fault.Error {
	return fault.Wrap(r, fault.Code(r.Code), "It has signed nobody out. To be sure, press Sign out in our Console.")
}

// refuseLogout records a message that was not accepted, with the checks that it
// failed.
func (s *Service) refuseLogout(ctx context.Context, actor access.Actor, p *Profile, f *fault.Error, checks []saml.Check) error {
	reference := s.ids.New(id.Attempt)
	err := s.db.Update(ctx, actor, func(tx *db.Tx) error {
		return s.appendRefusal(tx, p, f, reference, checks)
	})
	if err != nil {
		return err
	}
	return &signin.Refusal{Fault: f, Reference: reference}
}

func (s *Service) appendRefusal(tx *db.Tx, p *Profile, f *fault.Error, reference string, checks []saml.Check) error {
	var changes []audit.Change
	for _, c := range checks {
		if c.Status == saml.Failed {
			changes = append(changes, audit.Change{Field: "check", New: c.Name}, audit.Change{Field: "expected", New: c.Expected},
				audit.Change{Field: "found", New: c.Found})
			if c.Note != "" {
				changes = append(changes, audit.Change{Field: "note", New: c.Note})
			}
		}
	}
	tx.AfterCommit(func() {
		s.logger.Info("sign-out message refused", "profile", p.ID, "code", f.Code, "reference", reference)
	})
	return s.audit.Append(tx, audit.Event{OrganizationID: p.OrganizationID, Action: audit.SignOutRefused, Target: p.target(),
		Changes: changes, Outcome: audit.Refused, Code: string(f.Code), Reference: reference})
}

// maxRelayState bounds what is given back of a state of the Identity Provider's,
// in octets. The specification has 80 of them; some send a URL.
const maxRelayState = 2048

// obey ends the sessions that an order means, and makes the answer. A session
// that can't be ended is told the Identity Provider, which then goes on with the
// others.
func (s *Service) obey(ctx context.Context, actor access.Actor, p *Profile, sp *saml.ServiceProvider, m *saml.Logout, binding saml.Binding) (*Outbound, error) {
	done := true
	err := s.end(ctx, actor, p, m.Request)
	var refusal *signin.Refusal
	switch {
	case errors.As(err, &refusal):
		return nil, err
	case err != nil:
		done = false
		s.logger.Error("sessions were not ended", "profile", p.ID, "cause", err)
	}
	if len(m.RelayState) > maxRelayState {
		m.RelayState = ""
	}
	reply, err := sp.LogoutResponse(saml.LogoutResponseOptions{InResponseTo: m.Request.ID, Done: done, Binding: binding, Now: s.now()})
	if err == nil {
		var o Outbound
		if o, err = ready(&reply.Outgoing, m.RelayState); err == nil {
			return &o, nil
		}
	}
	if !errors.Is(err, saml.ErrNoEndpoint) {
		s.logger.Error("a sign-out was not answered", "profile", p.ID, "cause", err)
	}
	if !done {
		return nil, fault.New(fault.Internal, "")
	}
	return nil, nil
}

// end ends the sessions that an order means, in the transaction that uses it up.
func (s *Service) end(ctx context.Context, actor access.Actor, p *Profile, order *saml.LogoutOrder) error {
	var refusal *signin.Refusal
	err := s.db.Update(ctx, actor, func(tx *db.Tx) error {
		refusal = nil
		first, err := rememberLogout(tx, p.ID, order.ID, order.RememberUntil)
		if err != nil {
			return err
		}
		if !first {
			refusal = &signin.Refusal{Fault: fault.New(fault.SAMLLogoutInvalid, "It was used before."), Reference: s.ids.New(id.Attempt)}
			return s.appendRefusal(tx, p, refusal.Fault, refusal.Reference, []saml.Check{
				{Name: "replay", Status: saml.Failed, Expected: "a request that was not used before", Found: order.ID}})
		}
		name := strings.Trim(order.NameID.Value, " \t\r\n")
		if err := endTickets(tx, p.ID, name, meant(order)); err != nil {
			return err
		}
		n, err := s.signin.Obey(tx, signin.Order{ProfileID: p.ID, OrganizationID: p.OrganizationID, NameID: name, Meant: meant(order)})
		tx.AfterCommit(func() { s.logger.Info("signed out by the Identity Provider", "profile", p.ID, "sessions", n) })
		return err
	})
	if err == nil && refusal != nil {
		err = refusal
	}
	return err
}

// meant tells which sessions an order means: without an index all of them. One
// that the Identity Provider gave no index might be any.
func meant(order *saml.LogoutOrder) func(index string) bool {
	return func(index string) bool {
		index = strings.TrimSpace(index)
		return len(order.SessionIndexes) == 0 || index == "" ||
			slices.ContainsFunc(order.SessionIndexes, func(one string) bool { return strings.TrimSpace(one) == index })
	}
}

// takeAnswer uses a request of ours up that was answered.
func (s *Service) takeAnswer(ctx context.Context, actor access.Actor, p *Profile, a *saml.LogoutAnswer) (LogoutResult, error) {
	result, outcome := LogoutFailed, audit.Refused
	switch {
	case a.Success:
		result, outcome = LogoutDone, audit.Succeeded
	case a.Partial:
		result = LogoutPartial
	}
	var late bool
	err := s.db.Update(ctx, actor, func(tx *db.Tx) error {
		userID, err := useLogout(tx, p.ID, a.InResponseTo)
		if late = errors.Is(err, db.ErrNoRows); late {
			return nil // the same answer twice, at once
		}
		if err != nil {
			return err
		}
		target := audit.Target{Kind: "user", ID: userID}
		u, err := s.directory.UserByID(tx, userID)
		if err == nil {
			target.Name = u.Email
		} else if !errors.Is(err, fault.NotFound) {
			return err
		}
		tx.AfterCommit(func() { s.logger.Info("sign-out answered", "profile", p.ID, "result", result) })
		return s.audit.Append(tx, audit.Event{OrganizationID: p.OrganizationID, Action: audit.SignOutAnswered, Target: target, Outcome: outcome,
			Changes: []audit.Change{{Field: "sso_profile_id", New: p.ID}, {Field: "result", New: result}, {Field: "status", New: clip(a.Status)}}})
	})
	if err == nil && late {
		err = s.refuseLogout(ctx, actor, p, fault.New(fault.SAMLRequestUnknown, "It was answered before."), nil)
	}
	return result, err
}

// maxStatus bounds what is kept of a status, in octets.
const maxStatus = 200

func clip(status string) string { return strings.ToValidUTF8(status[:min(len(status), maxStatus)], "") }
