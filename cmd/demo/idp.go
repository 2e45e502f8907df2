package main

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/xml"
	"fmt"
	"html/template"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"time"

	"github.com/crewjam/saml"
	"github.com/crewjam/saml/samlidp"
	dsig "github.com/russellhaering/goxmldsig"
	"golang.org/x/crypto/bcrypt"
)

// idp is the demo's Identity Provider: samlidp of crewjam/saml.
type idp struct {
	base   string
	server *samlidp.Server
	http   *http.Server
}

// startIdP starts an Identity Provider with the users of the demo, and with more
// routes than its own if that is not nil.
func startIdP(port string, more func(*idp, *http.ServeMux)) (*idp, error) {
	l, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		return nil, err
	}
	key, cert, err := keyPair()
	if err != nil {
		return nil, err
	}
	base := url.URL{Scheme: "http", Host: "localhost:" + port}
	server, err := samlidp.New(samlidp.Options{
		URL: base, Key: key, Certificate: cert, Store: &samlidp.MemoryStore{},
		Logger: log.New(io.Discard, "", 0), LoginFormTemplate: loginForm,
	})
	if err != nil {
		return nil, err
	}
	// Unless told otherwise it signs with SHA-1, calls every NameID transient,
	// and its login form does not lead back into a login.
	server.IDP.SignatureMethod = dsig.RSASHA256SignatureMethod
	server.IDP.AssertionMaker = emailNameID{}
	server.IDP.LoginURL = server.IDP.SSOURL
	i := &idp{base: base.String(), server: server}
	for _, email := range []string{ownerEmail, userEmail, newEmail, exemptEmail, independentEmail} {
		if err := i.addUser(email); err != nil {
			return nil, err
		}
	}
	mux := i.routes()
	if more != nil {
		more(i, mux)
	} else {
		mux.Handle("GET /{$}", http.RedirectHandler("/tile", http.StatusSeeOther))
	}
	i.http = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go i.http.Serve(l)
	return i, nil
}

func (i *idp) close() { i.http.Close() }

// routes leaves out samlidp's doors for administration.
func (i *idp) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("GET /metadata", i.server)
	mux.Handle("/sso", i.server)
	mux.Handle("GET /login/acme", i.server)
	mux.HandleFunc("/tile", i.tile)
	return mux
}

// tile signs in at the Identity Provider, where that is needed, and goes from
// there to Sallyport.
func (i *idp) tile(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	here := i.server.IDP.SSOURL
	here.Path = "/tile"
	if session := i.server.GetSession(w, r, &saml.IdpAuthnRequest{IDP: &saml.IdentityProvider{LoginURL: here}}); session != nil {
		http.Redirect(w, r, "/login/acme", http.StatusSeeOther)
	}
}

// emailNameID sends the e-mail address as what it is.
type emailNameID struct{}

// MakeAssertion implements [saml.AssertionMaker].
func (emailNameID) MakeAssertion(req *saml.IdpAuthnRequest, session *saml.Session) error {
	session.NameIDFormat = string(saml.EmailAddressNameIDFormat)
	return saml.DefaultAssertionMaker{}.MakeAssertion(req, session)
}

func (i *idp) addUser(email string) error {
	hash, err := bcrypt.GenerateFromPassword([]byte(demoPassword), bcrypt.MinCost)
	if err != nil {
		return err
	}
	return i.server.Store.Put("/users/"+email, samlidp.User{Name: email, Email: email, HashedPassword: hash})
}

func (i *idp) metadata() string {
	raw, err := xml.MarshalIndent(i.server.IDP.Metadata(), "", "  ")
	if err != nil {
		panic(err) // of a fixed structure
	}
	return string(raw)
}

// register tells the Identity Provider of an application, by its metadata, and
// makes a tile for it.
func (i *idp) register(name, entityID string, metadata []byte) error {
	rec := httptest.NewRecorder()
	i.server.ServeHTTP(rec, httptest.NewRequest(http.MethodPut, "/services/"+name, bytes.NewReader(metadata)))
	if rec.Code >= 300 {
		return fmt.Errorf("the Identity Provider refuses the metadata: %d", rec.Code)
	}
	return i.server.Store.Put("/shortcuts/acme", samlidp.Shortcut{Name: "acme", ServiceProviderID: entityID})
}

func keyPair() (*rsa.PrivateKey, *x509.Certificate, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, nil, err
	}
	t := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Demo Identity Provider"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return nil, nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return key, cert, err
}

// demoStyle is that of the demo's own pages.
func demoStyle(width string) string {
	return "body{font:1rem/1.5 system-ui,sans-serif;max-width:" + width + ";margin:10vh auto;padding:0 1rem;color-scheme:light dark}" +
		"label,input,textarea,button{display:block;width:100%;box-sizing:border-box;font:inherit}input,textarea,button{padding:.5rem;margin:.2rem 0 1rem}" +
		"h2{margin-top:2rem}code,textarea{font-family:ui-monospace,monospace;font-size:.9em;overflow-wrap:anywhere}"
}

var loginForm = template.Must(template.New("login").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Demo Identity Provider</title>
<style>` + demoStyle("24rem") + `</style></head>
<body><h1>Demo Identity Provider</h1><p>This page stands for your company's own sign-in.</p>
{{with .Toast}}<p role="alert"><strong>{{.}}</strong></p>{{end}}
<form method="post" action="{{.URL}}">
<label for="user">E-mail address</label><input id="user" name="user" autocomplete="username" autofocus>
<label for="password">Password</label><input id="password" name="password" type="password" autocomplete="current-password">
<input type="hidden" name="SAMLRequest" value="{{.SAMLRequest}}"><input type="hidden" name="RelayState" value="{{.RelayState}}">
<button>Sign in</button></form></body></html>
`))
