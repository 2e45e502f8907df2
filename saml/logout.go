package saml

import "time"

// LogoutOptions are what a logout request asks for.
type LogoutOptions struct {
	ID string // made at random if empty
	// NameID and SessionIndex are those of the assertion that began the
	// session.
	NameID       NameID
	SessionIndex string
	Now          time.Time // the system's if zero
}

// A LogoutRequest of ours asks the Identity Provider to end a session (SAML
// core, section 3.7.1).
type LogoutRequest struct{ Outgoing }

// A LogoutResponse of ours answers the Identity Provider's request (SAML core,
// section 3.7.2).
type LogoutResponse struct{ Outgoing }

// logoutLife is how long a logout request of ours may be acted on.
const logoutLife = 5 * time.Minute

// LogoutRequest makes a signed request to end a session. Remember its ID until
// it is answered. Without an endpoint at the Identity Provider, or a key of
// ours, the error is [ErrNoEndpoint]: there is no Single Logout then.
func (sp *ServiceProvider) LogoutRequest(o LogoutOptions) (*LogoutRequest, error) {
	ep, ok := preferred(sp.cfg.IdP.SLO)
	if !ok || len(sp.cfg.Keys) == 0 {
		return nil, ErrNoEndpoint
	}
	if o.ID == "" {
		o.ID = NewID()
	}
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	var w writer
	w.open("samlp:LogoutRequest").attr("xmlns:samlp", nsProtocol).attr("xmlns:saml", nsAssertion)
	w.attr("ID", o.ID).attr("Version", "2.0").attr("IssueInstant", formatInstant(o.Now))
	w.attr("Destination", ep.Location).attr("NotOnOrAfter", formatInstant(o.Now.Add(logoutLife)))
	w.element("saml:Issuer", sp.cfg.EntityID)
	w.open("saml:NameID")
	for _, a := range [][2]string{
		{"Format", o.NameID.Format}, {"NameQualifier", o.NameID.NameQualifier}, {"SPNameQualifier", o.NameID.SPNameQualifier},
	} {
		if a[1] != "" {
			w.attr(a[0], a[1])
		}
	}
	w.text(o.NameID.Value).close()
	if o.SessionIndex != "" {
		w.element("samlp:SessionIndex", o.SessionIndex)
	}
	out, err := sp.outgoing("SAMLRequest", o.ID, ep, w.close().bytes(), true)
	return &LogoutRequest{out}, err
}

const (
	statusResponder     = "urn:oasis:names:tc:SAML:2.0:status:Responder"
	statusPartialLogout = "urn:oasis:names:tc:SAML:2.0:status:PartialLogout"
)

// LogoutResponseOptions are what a logout response says.
type LogoutResponseOptions struct {
	InResponseTo string
	// Done is false if the sessions could not be ended.
	Done bool
	// Binding is that of the request. The response goes by it where the
	// Identity Provider has an endpoint for it, else as every message.
	Binding Binding
	Now     time.Time // the system's if zero
}

// LogoutResponse answers a logout request of the Identity Provider's, signed.
// Its error is that of [ServiceProvider.LogoutRequest].
func (sp *ServiceProvider) LogoutResponse(o LogoutResponseOptions) (*LogoutResponse, error) {
	ep, ok := preferred(sp.cfg.IdP.SLO, o.Binding)
	if !ok || len(sp.cfg.Keys) == 0 {
		return nil, ErrNoEndpoint
	}
	if ep.ResponseLocation != "" {
		ep.Location = ep.ResponseLocation
	}
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	id := NewID()
	var w writer
	w.open("samlp:LogoutResponse").attr("xmlns:samlp", nsProtocol).attr("xmlns:saml", nsAssertion)
	w.attr("ID", id).attr("Version", "2.0").attr("IssueInstant", formatInstant(o.Now))
	w.attr("Destination", ep.Location).attr("InResponseTo", o.InResponseTo)
	w.element("saml:Issuer", sp.cfg.EntityID)
	status := statusSuccess
	if !o.Done {
		status = statusResponder
	}
	w.open("samlp:Status").open("samlp:StatusCode").attr("Value", status).close().close()
	out, err := sp.outgoing("SAMLResponse", id, ep, w.close().bytes(), true)
	return &LogoutResponse{out}, err
}
