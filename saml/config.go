package saml

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"sallyport/saml/internal/dsig"
	"sallyport/saml/internal/xenc"
)

// A Binding is the URI of a protocol binding.
type Binding string

// The bindings that are spoken (SAML bindings, sections 3.4 and 3.5).
const (
	HTTPRedirect Binding = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
	HTTPPost     Binding = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
)

// An Endpoint is where an Identity Provider takes messages.
type Endpoint struct {
	Binding  Binding
	Location string
	// ResponseLocation is where responses go, if elsewhere.
	ResponseLocation string
}

// An IdentityProvider is what we know of the other side.
type IdentityProvider struct {
	EntityID string
	// SSO and SLO list endpoints in the order of preference.
	SSO, SLO []Endpoint
	// Certificates hold the keys that sign, at most [MaxCertificates]. There
	// is no chain to build: a certificate is trusted because it stands here.
	Certificates []*x509.Certificate
}

// A Mode says what becomes of a response that answers no request of ours.
type Mode string

const (
	// Restart signs nobody in by such a response: it only says that somebody
	// wants to come in from this Identity Provider, and a request of our own
	// is sent. A stolen response is worth nothing.
	Restart Mode = "restart"
	// Accept lets the response sign in. Without a session this leaves login
	// CSRF open: who has a response of their own can put a victim into their
	// account.
	Accept Mode = "accept"
	// Refuse refuses it.
	Refuse Mode = "refuse"
)

// NameIDPolicy says which NameID a request asks for.
type NameIDPolicy string

const (
	NameIDEmail       NameIDPolicy = "emailAddress" // the default
	NameIDUnspecified NameIDPolicy = "unspecified"  // whatever the Identity Provider is set up for
	NameIDNone        NameIDPolicy = "none"         // no NameIDPolicy element
)

// Limits of this package.
const (
	MaxMessage      = 1 << 20 // octets of a decoded message
	MaxCertificates = 16
	MaxKeys         = 4
	MaxTolerance    = 300 * time.Second
	maxAge          = 24 * time.Hour // of an assertion
	rememberMore    = time.Hour      // a consumed assertion, beyond its last instant
)

// DefaultTolerance is the clock difference that is forgiven.
const DefaultTolerance = 180 * time.Second

// A KeyPair is an RSA key of ours, with the certificate that we publish for it.
type KeyPair struct {
	Private     *rsa.PrivateKey
	Certificate *x509.Certificate
}

// A Config describes one relation with one Identity Provider.
type Config struct {
	EntityID string // ours
	ACSURL   string // Assertion Consumer Service, HTTP-POST
	SLOURL   string // Single Logout Service; empty for none
	IdP      IdentityProvider

	// Keys are ours, at most MaxKeys: the first one signs, each of them
	// decrypts.
	Keys []KeyPair
	// SignRequests signs authentication requests with the first key.
	SignRequests bool
	// RequireEncryption refuses an assertion in clear.
	RequireEncryption bool

	// Mode is for responses that answer no request; Restart if empty.
	Mode Mode
	// Algorithms is what messages may use; DefaultAlgorithms if zero. Of lists
	// that are not, an empty one accepts nothing.
	Algorithms Algorithms
	// RequireSignedResponse refuses a response of which only the assertion is
	// signed.
	RequireSignedResponse bool
	// RefuseExpiredCertificate refuses what was signed with a certificate
	// that is out of its dates. Otherwise that is a warning: Identity
	// Providers sign with expired certificates daily.
	RefuseExpiredCertificate bool
	// ForceAuthn asks for a new authentication in every request.
	ForceAuthn bool
	// AuthnContext is the authentication context class that is asked for and
	// that an assertion must then have; empty for none.
	AuthnContext string
	// NameIDPolicy is NameIDEmail if empty.
	NameIDPolicy NameIDPolicy
	// Tolerance is the clock difference that is forgiven; DefaultTolerance if
	// zero, none if negative, at most MaxTolerance.
	Tolerance time.Duration
}

// A ServiceProvider is our side of one relation with one Identity Provider. It
// is safe for concurrent use.
type ServiceProvider struct {
	cfg        Config
	signatures dsig.Policy
	encryption xenc.Policy
	keys       []xenc.Key
	pool       sync.Pool // of *validation
	sleep      func(time.Duration)
}

// New checks a configuration and prepares it. The configuration is not read
// again: change it by making a new ServiceProvider.
func New(cfg Config) (*ServiceProvider, error) {
	if cfg.EntityID == "" || cfg.ACSURL == "" {
		return nil, errors.New("saml: our entity ID and ACS URL are needed")
	}
	if cfg.IdP.EntityID == "" {
		return nil, errors.New("saml: the Identity Provider's entity ID is needed")
	}
	if err := checkCertificates(cfg.IdP.Certificates); err != nil {
		return nil, err
	}
	if err := checkKeys(&cfg); err != nil {
		return nil, err
	}
	switch cfg.Mode {
	case "":
		cfg.Mode = Restart
	case Restart, Accept, Refuse:
	default:
		return nil, fmt.Errorf("saml: unknown mode %q", cfg.Mode)
	}
	switch {
	case cfg.Tolerance == 0:
		cfg.Tolerance = DefaultTolerance
	case cfg.Tolerance < 0:
		cfg.Tolerance = 0
	case cfg.Tolerance > MaxTolerance:
		return nil, fmt.Errorf("saml: a tolerance of more than %v", MaxTolerance)
	}
	if cfg.NameIDPolicy == "" {
		cfg.NameIDPolicy = NameIDEmail
	}
	if cfg.Algorithms.isZero() {
		cfg.Algorithms = DefaultAlgorithms()
	}
	if err := cfg.Algorithms.check(); err != nil {
		return nil, err
	}
	cfg.IdP.Certificates = slices.Clone(cfg.IdP.Certificates)
	cfg.IdP.SSO, cfg.IdP.SLO = slices.Clone(cfg.IdP.SSO), slices.Clone(cfg.IdP.SLO)
	cfg.Keys = slices.Clone(cfg.Keys)
	cfg.Algorithms = cfg.Algorithms.clone()
	a := &cfg.Algorithms
	sp := &ServiceProvider{
		cfg:        cfg,
		signatures: dsig.Policy{Signatures: a.Signatures, Digests: a.Digests, Canonicalizations: a.Canonicalizations},
		encryption: xenc.Policy{Content: a.ContentEncryption, Transport: a.KeyTransport},
		sleep:      time.Sleep,
	}
	for _, k := range cfg.Keys {
		sp.keys = append(sp.keys, xenc.Key(k))
	}
	sp.pool.New = func() any { return new(validation) }
	return sp, nil
}

func checkKeys(cfg *Config) error {
	if len(cfg.Keys) > MaxKeys {
		return fmt.Errorf("saml: more than %d keys", MaxKeys)
	}
	if cfg.SignRequests && len(cfg.Keys) == 0 {
		return errors.New("saml: a key is needed to sign requests")
	}
	for _, k := range cfg.Keys {
		if k.Private == nil || k.Certificate == nil || !k.Private.PublicKey.Equal(k.Certificate.PublicKey) {
			return errors.New("saml: a key of ours does not fit its certificate")
		}
		if err := CheckKey(k.Certificate); err != nil {
			return fmt.Errorf("saml: our key: %w", err)
		}
	}
	return nil
}

func checkCertificates(certs []*x509.Certificate) error {
	if len(certs) == 0 {
		return errors.New("saml: a certificate of the Identity Provider is needed")
	}
	if len(certs) > MaxCertificates {
		return fmt.Errorf("saml: more than %d certificates", MaxCertificates)
	}
	for _, c := range certs {
		if err := CheckKey(c); err != nil {
			return fmt.Errorf("saml: certificate %q: %w", c.Subject, err)
		}
	}
	return nil
}

// CheckKey reports whether a certificate's key can verify signatures: RSA of
// 2048 to 8192 bits, or ECDSA on P-256, P-384 or P-521.
func CheckKey(c *x509.Certificate) error {
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		if n := key.N.BitLen(); n < 2048 || n > 8192 {
			return fmt.Errorf("an RSA key of %d bits; 2048 to 8192 are accepted", n)
		}
	case *ecdsa.PublicKey:
		switch key.Curve.Params().BitSize {
		case 256, 384, 521:
		default:
			return fmt.Errorf("an elliptic curve key on %s; P-256, P-384 and P-521 are accepted", key.Curve.Params().Name)
		}
	default:
		return fmt.Errorf("a key of kind %T; RSA and ECDSA are accepted", key)
	}
	return nil
}
