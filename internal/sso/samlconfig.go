package sso

import (
	"time"

	"sallyport/saml"
)

// samlConfig turns a profile into the terms of package saml.
func (s *Service) samlConfig(p *Profile, keys []saml.KeyPair) saml.Config {
	urls := s.URLs(p.ID)
	cfg := saml.Config{
		EntityID: urls.EntityID,
		ACSURL:   urls.ACS,
		SLOURL:   urls.SLO,
		IdP:      saml.IdentityProvider{EntityID: p.EntityID, SSO: p.SSO, SLO: p.SLO},

		Keys:              keys,
		SignRequests:      p.Options.SignRequests,
		RequireEncryption: p.Options.RequireEncryptedAssertion,

		Mode:                     p.Options.IdPInitiated,
		Algorithms:               saml.DefaultAlgorithms(),
		RequireSignedResponse:    p.Options.RequireSignedResponse,
		RefuseExpiredCertificate: p.Options.RefuseExpiredCertificate,
		ForceAuthn:               p.Options.ForceAuthn,
		AuthnContext:             p.Options.AuthnContext,
		NameIDPolicy:             p.Options.NameIDPolicy,
		Tolerance:                time.Duration(p.Options.ClockToleranceSeconds) * time.Second,
	}
	if p.Options.ClockToleranceSeconds == 0 {
		cfg.Tolerance = -1 // none
	}
	if p.Options.AllowSHA1 {
		cfg.Algorithms = cfg.Algorithms.With(saml.InsecureSHA1())
	}
	if p.Options.AllowCBC {
		cfg.Algorithms = cfg.Algorithms.With(saml.InsecureCBC())
	}
	if p.Options.AllowRSA15 {
		cfg.Algorithms = cfg.Algorithms.With(saml.InsecureRSA15())
	}
	for _, c := range p.Certificates {
		cfg.IdP.Certificates = append(cfg.IdP.Certificates, c.Certificate)
	}
	return cfg
}
