package samltest

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"net/url"
	"strings"
	"time"

	"sallyport/saml"
	"sallyport/saml/internal/dsig"
)

// SLOURL is the service provider's Single Logout Service, LogoutID the request
// of ours that is answered.
const (
	SLOURL   = "https://app.example/saml/acme/slo"
	LogoutID = "_logout1"
)

// A Logout describes a samlp:LogoutRequest or a samlp:LogoutResponse of an
// Identity Provider's. What is empty is left out.
type Logout struct {
	Name                              string // LogoutRequest or LogoutResponse
	ID, Version, IssueInstant         string
	Destination, NotOnOrAfter, Reason string
	InResponseTo                      string
	Issuer                            Issuer
	Status                            Status
	NameID                            NameID
	NameIDEncryption                  *Encryption
	SessionIndexes                    []string
	More                              XML // stands last
	Style                             Style
	// Signing is the signature inside, for HTTP-POST.
	Signing *Signing
	// BeforeSigning and AfterSigning may change the text.
	BeforeSigning, AfterSigning func(xml string) string
}

// LogoutRequest returns a good request to end a session. It is not signed yet.
func (p *IdP) LogoutRequest(sp saml.Config, now time.Time) *Logout {
	return &Logout{
		Name: "LogoutRequest", ID: "_logoutrequest1", Version: "2.0", IssueInstant: Instant(now),
		Destination: sp.SLOURL, NotOnOrAfter: Instant(now.Add(5 * time.Minute)),
		Issuer:         Issuer{Value: p.EntityID},
		NameID:         NameID{Value: Email, Format: FormatEmail},
		SessionIndexes: []string{"_session1"},
		Style:          Style{Protocol: "samlp", Assertion: "saml", Signature: "ds"},
	}
}

// LogoutResponse returns a good answer to a request of the service provider's.
// It is not signed yet.
func (p *IdP) LogoutResponse(sp saml.Config, requestID string, now time.Time) *Logout {
	return &Logout{
		Name: "LogoutResponse", ID: "_logoutresponse1", Version: "2.0", IssueInstant: Instant(now),
		Destination: sp.SLOURL, InResponseTo: requestID,
		Issuer: Issuer{Value: p.EntityID},
		Status: Status{Code: Success},
		Style:  Style{Protocol: "samlp", Assertion: "saml", Signature: "ds"},
	}
}

// Field is the name of the parameter or field that carries the message.
func (l *Logout) Field() string {
	if l.Name == "LogoutResponse" {
		return "SAMLResponse"
	}
	return "SAMLRequest"
}

// String returns the message: written, encrypted, signed and changed as the
// description says.
func (l *Logout) String() string {
	text := l.unsigned()
	if l.BeforeSigning != nil {
		text = l.BeforeSigning(text)
	}
	if l.NameIDEncryption != nil {
		text = l.Style.encrypt(text, "EncryptedID", l.NameIDEncryption, isNameID)
	}
	if l.Signing != nil {
		text = (&Response{Style: l.Style}).sign(text, l.ID, l.Signing)
	}
	if l.AfterSigning != nil {
		text = l.AfterSigning(text)
	}
	return text
}

func (l *Logout) unsigned() string {
	w := newWriter(l.Style)
	attrs := []string{"ID", l.ID, "Version", l.Version, "IssueInstant", l.IssueInstant, "Destination", l.Destination,
		"NotOnOrAfter", l.NotOnOrAfter, "Reason", l.Reason, "InResponseTo", l.InResponseTo}
	if l.Style.Assertion != "" {
		attrs = append(attrs, w.declares(l.Style.Assertion, nsAssertion)...)
	}
	w.samlp(l.Name, attrs...)
	w.issuer(l.Issuer)
	w.status(l.Status)
	if n := l.NameID; n.Value != "" {
		w.text("NameID", n.Value, "Format", n.Format, "NameQualifier", n.NameQualifier, "SPNameQualifier", n.SPNameQualifier)
	}
	for _, index := range l.SessionIndexes {
		w.samlp("SessionIndex")
		w.WriteString(Escape(index))
		w.close()
	}
	w.raw(l.More)
	w.close()
	return w.String()
}

// Form returns the fields of HTTP-POST.
func (l *Logout) Form(relayState string) url.Values {
	form := url.Values{l.Field(): {Encode(l.String())}}
	if relayState != "" {
		form.Set("RelayState", relayState)
	}
	return form
}

// Query returns the query of HTTP-Redirect.
func (l *Logout) Query(d Detached) string { return d.Query(l.Field(), l.String()) }

// A Detached says how a message is written into a query and signed there (SAML
// bindings, section 3.4.4.1).
type Detached struct {
	// Key signs; nothing is signed if it is nil. Method is a URI; SHA-256 with
	// what fits the key if empty.
	Key        *Key
	Method     string
	RelayState string // left out if empty
	// Escape escapes a value; url.QueryEscape if nil.
	Escape func(string) string
	// EditDeflated may change the deflated message, EditSigned the octets that
	// are signed, and Edit all parameters in the end, each as name=value.
	EditDeflated func([]byte) []byte
	EditSigned   func(octets string) string
	Edit         func(parameters []string) []string
}

// LowerEscape escapes as .NET does: with small hexadecimal digits.
func LowerEscape(s string) string {
	escaped := []byte(url.QueryEscape(s))
	for i := range escaped {
		if i >= 1 && escaped[i-1] == '%' || i >= 2 && escaped[i-2] == '%' {
			escaped[i] = bytes.ToLower(escaped[i : i+1])[0]
		}
	}
	return string(escaped)
}

// Query returns the query that carries a message in this field.
func (d Detached) Query(field, xml string) string {
	escape := d.Escape
	if escape == nil {
		escape = url.QueryEscape
	}
	deflated := Deflate(xml)
	if d.EditDeflated != nil {
		deflated = d.EditDeflated(deflated)
	}
	parameters := []string{field + "=" + escape(base64.StdEncoding.EncodeToString(deflated))}
	if d.RelayState != "" {
		parameters = append(parameters, "RelayState="+escape(d.RelayState))
	}
	if d.Key != nil {
		parameters = append(parameters, "SigAlg="+escape(d.method()))
		parameters = append(parameters, "Signature="+escape(base64.StdEncoding.EncodeToString(d.sign(strings.Join(parameters, "&")))))
	}
	if d.Edit != nil {
		parameters = d.Edit(parameters)
	}
	return strings.Join(parameters, "&")
}

func (d Detached) method() string {
	switch {
	case d.Method != "":
		return d.Method
	case strings.HasPrefix(d.Key.Name, "ec"):
		return dsig.ECDSASHA256
	}
	return dsig.RSASHA256
}

func (d Detached) sign(octets string) []byte {
	if d.EditSigned != nil {
		octets = d.EditSigned(octets)
	}
	signature, err := dsig.SignDetached([]byte(octets), dsig.SignOptions{Key: d.Key.Private, Method: d.method(), Rand: salts(octets)})
	if err != nil {
		panic("samltest: " + err.Error())
	}
	return signature
}

// Deflate writes text as raw DEFLATE.
func Deflate(text string) []byte {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.DefaultCompression)
	if err != nil {
		panic("samltest: " + err.Error())
	}
	w.Write([]byte(text)) // a bytes.Buffer takes everything
	w.Close()
	return b.Bytes()
}
