package web

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"slices"
	"strings"
	"time"

	"sallyport/internal/sso"
	"sallyport/saml"
)

// certificateNotice is how long before its end a certificate is worth a look.
const certificateNotice = 60 * 24 * time.Hour

// An idpView is an Identity Provider's data, saved or only read, for the template
// "idp".
type idpView struct {
	EntityID     string
	OldEntityID  string // the saved one, where it differs
	DisplayName  string
	Endpoints    []endpointView
	Certificates []certificateView
}

type endpointView struct{ What, Location, Response, Binding string }

type certificateView struct {
	Subject, SHA256 string
	Expiry          string // in words
	Bad             bool   // expired, or about to
	Standing        string // against what is saved
}

// idp shows the Identity Provider of a profile. With what is saved so far, it
// tells what is new.
func (f Frame) idp(p *sso.Profile, saved *sso.Profile, now time.Time) idpView {
	view := idpView{EntityID: p.EntityID}
	if saved != nil && saved.EntityID != p.EntityID {
		view.OldEntityID = saved.EntityID
	}
	endpoints := func(what string, list []saml.Endpoint) {
		for _, ep := range list {
			binding := "HTTP-Redirect"
			if ep.Binding == saml.HTTPPost {
				binding = "HTTP-POST"
			}
			view.Endpoints = append(view.Endpoints, endpointView{f.T(what), ep.Location, ep.ResponseLocation, binding})
		}
	}
	endpoints("profiles.sso_url", p.SSO)
	endpoints("profiles.slo_url", p.SLO)
	for _, c := range p.Certificates {
		row := f.certificate(c.Certificate, now)
		switch {
		case saved == nil || len(saved.Certificates) == 0:
		case holds(saved, c.SHA256):
			row.Standing = f.T("profiles.certificate_known")
		default:
			row.Standing = f.T("profiles.certificate_new")
		}
		view.Certificates = append(view.Certificates, row)
	}
	return view
}

func holds(p *sso.Profile, sha256 string) bool {
	return slices.ContainsFunc(p.Certificates, func(c sso.Certificate) bool { return c.SHA256 == sha256 })
}

// certificate shows one certificate.
func (f Frame) certificate(c *x509.Certificate, now time.Time) certificateView {
	sum := sha256.Sum256(c.Raw)
	told := f.trusted(c, now)
	row := certificateView{Subject: told.Subject, SHA256: colons(hex.EncodeToString(sum[:])), Expiry: told.Expiry, Bad: told.Ends}
	if now.Before(c.NotBefore) {
		row.Expiry, row.Bad = f.T("profiles.not_yet", c.NotBefore.UTC().Format(time.DateOnly), c.NotAfter.UTC().Format(time.DateOnly)), true
	}
	return row
}

// pemOf are the certificates of a profile as people paste them.
func pemOf(p *sso.Profile) string {
	var b strings.Builder
	for _, c := range p.Certificates {
		b.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
	}
	return b.String()
}
