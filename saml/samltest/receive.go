package samltest

import (
	"bytes"
	"compress/flate"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"sallyport/saml"
	"sallyport/saml/internal/dsig"
	"sallyport/saml/internal/xmltree"
)

// A Received is a Single Logout message of a service provider that has arrived
// at the [IdP].
type Received struct {
	Name, ID, Issuer, Destination string
	NotOnOrAfter, InResponseTo    string
	Status                        string
	NameID                        NameID
	SessionIndexes                []string
	RelayState                    string
}

// ReadLogout reads the message from the URL that a browser was sent to with the
// HTTP-Redirect binding. Whether it is signed, [VerifyRedirect] says.
func ReadLogout(redirect string) (*Received, error) {
	u, err := url.Parse(redirect)
	if err != nil {
		return nil, err
	}
	field := "SAMLRequest"
	if u.Query().Has("SAMLResponse") {
		field = "SAMLResponse"
	}
	text, err := inflate(u.Query().Get(field))
	if err != nil {
		return nil, fmt.Errorf("samltest: %s: %w", field, err)
	}
	m, err := parseLogout(text)
	if err != nil {
		return nil, err
	}
	m.RelayState = u.Query().Get("RelayState")
	return m, nil
}

// ReadPostedLogout reads the message from the value of the form field that
// carries it with the HTTP-POST binding.
func ReadPostedLogout(value string) (*Received, error) {
	text, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		return nil, fmt.Errorf("samltest: %w", err)
	}
	return parseLogout(text)
}

// Inflate returns the text of the message that a URL carries in this parameter
// with the HTTP-Redirect binding.
func Inflate(redirect, parameter string) (string, error) {
	u, err := url.Parse(redirect)
	if err != nil {
		return "", err
	}
	text, err := inflate(u.Query().Get(parameter))
	return string(text), err
}

func inflate(value string) ([]byte, error) {
	deflated, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(deflated)), saml.MaxMessage))
}

func parseLogout(text []byte) (*Received, error) {
	var m struct {
		XMLName      xml.Name
		ID           string `xml:",attr"`
		Destination  string `xml:",attr"`
		NotOnOrAfter string `xml:",attr"`
		InResponseTo string `xml:",attr"`
		Issuer       string `xml:"urn:oasis:names:tc:SAML:2.0:assertion Issuer"`
		NameID       struct {
			Value           string `xml:",chardata"`
			Format          string `xml:",attr"`
			NameQualifier   string `xml:",attr"`
			SPNameQualifier string `xml:",attr"`
		} `xml:"urn:oasis:names:tc:SAML:2.0:assertion NameID"`
		SessionIndex []string `xml:"urn:oasis:names:tc:SAML:2.0:protocol SessionIndex"`
		Status       struct {
			StatusCode struct {
				Value string `xml:",attr"`
			} `xml:"urn:oasis:names:tc:SAML:2.0:protocol StatusCode"`
		} `xml:"urn:oasis:names:tc:SAML:2.0:protocol Status"`
	}
	if err := xml.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("samltest: %w", err)
	}
	if m.XMLName.Space != nsProtocol {
		return nil, fmt.Errorf("samltest: %s is no message of SAML", m.XMLName.Local)
	}
	return &Received{
		Name: m.XMLName.Local, ID: m.ID, Issuer: m.Issuer, Destination: m.Destination,
		NotOnOrAfter: m.NotOnOrAfter, InResponseTo: m.InResponseTo, Status: m.Status.StatusCode.Value,
		NameID: NameID(m.NameID), SessionIndexes: m.SessionIndex,
	}, nil
}

// VerifyRedirect checks the RSA-SHA256 signature of a URL with the
// HTTP-Redirect binding, by what the binding says and nothing of package saml:
// it stands over the octets of the parameters as they were sent.
func VerifyRedirect(redirect string, signer *x509.Certificate) error {
	_, query, _ := strings.Cut(redirect, "?")
	var signed []string
	var signature string
	for _, name := range []string{"SAMLRequest", "SAMLResponse", "RelayState", "SigAlg", "Signature"} {
		found := 0
		for parameter := range strings.SplitSeq(query, "&") {
			value, ok := strings.CutPrefix(parameter, name+"=")
			switch {
			case !ok:
				continue
			case name == "Signature":
				signature = value
			default:
				signed = append(signed, parameter)
			}
			found++
		}
		if found > 1 {
			return fmt.Errorf("samltest: %s stands there %d times", name, found)
		}
	}
	if method := "SigAlg=http%3A%2F%2Fwww.w3.org%2F2001%2F04%2Fxmldsig-more%23rsa-sha256"; len(signed) == 0 || signed[len(signed)-1] != method {
		return errors.New("samltest: not signed with RSA-SHA256")
	}
	text, err := url.QueryUnescape(signature)
	if err != nil {
		return err
	}
	value, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(strings.Join(signed, "&")))
	return rsa.VerifyPKCS1v15(signer.PublicKey.(*rsa.PublicKey), crypto.SHA256, sum[:], value)
}

// VerifyPosted checks the signature of the value of a form field with the
// HTTP-POST binding, as everybody does who pins a certificate.
func VerifyPosted(value string, signer *x509.Certificate) error {
	text, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		return fmt.Errorf("samltest: %w", err)
	}
	var p xmltree.Parser
	doc, err := p.Parse(text, xmltree.Options{})
	if err != nil {
		return fmt.Errorf("samltest: %w", err)
	}
	signature := doc.Root().Child(xmltree.DSig, "Signature")
	if signature.IsZero() {
		return errors.New("samltest: not signed")
	}
	a := saml.DefaultAlgorithms()
	var v dsig.Verifier
	_, err = v.Verify(signature, doc.Root(), []*x509.Certificate{signer}, &dsig.Policy{Signatures: a.Signatures, Digests: a.Digests, Canonicalizations: a.Canonicalizations})
	return err
}
