package sso

import (
	"context"
	"errors"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/record"
	"sallyport/internal/signin"
	"sallyport/internal/trace"
	"sallyport/saml"
)

// How long a request is pending, and how much longer it is remembered so that
// a late or repeated answer can be told from a foreign one.
const (
	pendingFor  = 30 * time.Minute
	rememberFor = 24 * time.Hour
)

// A Start is the input of [Service.Start].
type Start struct {
	ProfileID string
	ReturnTo  string // a path on our origin
	// Restarted marks a request that stands in for a response which answered
	// none: it happens once.
	Restarted bool
	// ForceAuthn asks for a new authentication, for a fresh sign-in.
	ForceAuthn bool
}

// A Departure sends a browser to an Identity Provider: to URL, or with a form
// that posts SAMLRequest and RelayState there.
type Departure struct {
	Post                    bool
	URL                     string
	SAMLRequest, RelayState string
	// BrowserToken goes into a cookie: only this browser may finish.
	BrowserToken string
}

// Start makes a request for authentication and remembers it.
func (s *Service) Start(ctx context.Context, in Start) (d Departure, err error) {
	ctx, span := trace.Start(ctx, "sso.start")
	defer func() { span.End(err) }()
	p, err := s.signInProfile(ctx, in.ProfileID)
	if err != nil {
		return d, err
	}
	span.Set(trace.Profile, p.ID)
	sp, err := s.serviceProvider(ctx, &p)
	if err != nil {
		return d, err
	}
	var req *saml.AuthnRequest
	err = s.db.Update(ctx, access.System("sign-in"), func(tx *db.Tx) error {
		r := request{
			id: saml.NewID(), profileID: p.ID, returnTo: in.ReturnTo, restarted: in.Restarted, createdAt: tx.Now(),
		}
		d.BrowserToken = s.ids.Token()
		r.browserHash = id.Hash(d.BrowserToken)
		if req, err = sp.AuthnRequest(saml.RequestOptions{ID: r.id, ForceAuthn: in.ForceAuthn, Now: tx.Now()}); err != nil {
			return err
		}
		return insertRequest(tx, &r)
	})
	if err != nil {
		return d, err
	}
	err = d.send(req)
	return d, err
}

// RefuseStart records that no sign-in was started with a profile, where that is
// what err says, and returns the [*signin.Refusal]; else err. Who asks for no
// profile's page has not tried to sign in.
func (s *Service) RefuseStart(ctx context.Context, actor access.Actor, in Start, err error) error {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return err
	}
	check := profileCheck(f)
	switch f.Code {
	case fault.SSOProfileDisabled, fault.SAMLCertificateUnknown:
	case fault.SAMLRequestUnknown:
		check = record.Check{Name: record.CheckBrowser, Code: f.Code, Status: saml.Failed, Expected: "a browser that keeps our cookies", Found: "one that does not"}
	case fault.SAMLIdPInitiatedRefused:
		check = loopChecks(nil)[0]
	default:
		return err
	}
	p, e := s.signInProfile(ctx, in.ProfileID)
	if p.ID == "" {
		return errors.Join(err, e)
	}
	a := signin.Attempt{Method: access.MethodSSO, ProfileID: p.ID, OrganizationID: p.OrganizationID, ReturnTo: in.ReturnTo, Checks: []record.Check{check}}
	if a.Started = record.SideHere; in.Restarted {
		a.Started = record.SideIdP
	}
	return s.signin.RefuseAt(actor, s.now(), a, f)
}

// send has the browser take a request to the Identity Provider. The RelayState is
// the request's own id: opaque, and enough to recognise an Identity Provider that
// does not say which request it answers.
func (d *Departure) send(req *saml.AuthnRequest) (err error) {
	d.RelayState = req.ID
	if req.Binding == saml.HTTPPost {
		d.Post, d.URL, d.SAMLRequest = true, req.Destination, req.PostValue()
		return nil
	}
	d.URL, err = req.RedirectURL(d.RelayState)
	return err
}

// signInProfile returns a profile for somebody who signs in. A draft is no
// profile yet.
func (s *Service) signInProfile(ctx context.Context, profileID string) (p Profile, err error) {
	if !id.SSOProfile.Valid(profileID) {
		return p, fault.New(fault.NotFound, "There is no such sign-in page.")
	}
	err = s.db.View(ctx, func(tx *db.Tx) error {
		p, err = profileByID(tx, profileID)
		return err
	})
	switch {
	case errors.Is(err, fault.NotFound), err == nil && p.EntityID == "":
		return p, fault.New(fault.NotFound, "There is no such sign-in page.")
	case err != nil:
		return p, err
	case p.Disabled:
		return p, fault.New(fault.SSOProfileDisabled, "Ask your administrator how to sign in now.")
	}
	return p, nil
}
