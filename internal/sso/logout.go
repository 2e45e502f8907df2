package sso

import (
	"context"
	"errors"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/fault"
	"sallyport/internal/signin"
	"sallyport/saml"
)

// An Outbound message goes to the Identity Provider through the browser: to URL,
// or with a form that posts Field and RelayState there.
type Outbound struct {
	Post         bool
	URL          string
	Field, Value string // of the form
	RelayState   string
}

// ready makes a message of package saml ready for the browser.
func ready(m *saml.Outgoing, relayState string) (o Outbound, err error) {
	o = Outbound{URL: m.Destination, Field: m.Field, RelayState: relayState}
	if m.Binding == saml.HTTPPost {
		o.Post, o.Value = true, m.PostValue()
		return o, nil
	}
	o.URL, err = m.RedirectURL(relayState)
	return o, err
}

// Logout asks the Identity Provider to end a session, too, that was ended here
// already. Ok is false where there is nobody to ask: the session came from no
// Identity Provider, or from one without Single Logout.
func (s *Service) Logout(ctx context.Context, actor access.Actor, i *signin.Identity) (o Outbound, ok bool, err error) {
	if i.Session.ProfileID == "" || i.Session.NameID == "" {
		return o, false, nil
	}
	p, err := s.logoutProfile(ctx, i.Session.ProfileID)
	if errors.Is(err, fault.NotFound) {
		return o, false, nil
	}
	if err != nil {
		return o, false, err
	}
	sp, err := s.serviceProvider(ctx, &p)
	if errors.Is(err, fault.SAMLCertificateUnknown) {
		return o, false, nil // its answer could not be believed
	}
	if err != nil {
		return o, false, err
	}
	req, err := sp.LogoutRequest(saml.LogoutOptions{
		NameID: nameID(i.Session.NameID, i.Session.NameIDDetails), SessionIndex: i.Session.SessionIndex, Now: s.now(),
	})
	if errors.Is(err, saml.ErrNoEndpoint) {
		return o, false, nil
	}
	if err != nil {
		return o, false, err
	}
	if o, err = ready(&req.Outgoing, ""); err != nil {
		return o, false, err
	}
	err = s.db.Update(ctx, actor, func(tx *db.Tx) error {
		return insertLogout(tx, p.ID, req.ID, i.User.ID)
	})
	return o, err == nil, err
}

// logoutProfile returns a profile for a sign-out. That works with a disabled one
// too: sessions that it began may be left.
func (s *Service) logoutProfile(ctx context.Context, profileID string) (p Profile, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		p, err = profileByID(tx, profileID)
		return err
	})
	if errors.Is(err, fault.NotFound) || err == nil && p.EntityID == "" {
		return p, fault.New(fault.NotFound, "There is no such sign-out page.")
	}
	return p, err
}
