package testenv

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"testing"
)

// Login walks from startURL through the Identity Provider as a browser would,
// with client's cookies, and returns the form that would carry the answer to
// the service provider, without posting it: see [LoginWalk.Answer]. startURL
// may be [SimpleSAMLphpIdP.IdPInitiatedURL].
//
// A nil client stands for a new [SimpleSAMLphpIdP.Client].
func (idp *SimpleSAMLphpIdP) Login(t testing.TB, client *http.Client, startURL, user, password string) (action string, form url.Values) {
	t.Helper()
	return idp.Walk(t, client, user, password).Answer(t, startURL)
}

// Walk is how this user walks through the Identity Provider. A nil client
// stands for a new one.
func (idp *SimpleSAMLphpIdP) Walk(t testing.TB, client *http.Client, user, password string) LoginWalk {
	t.Helper()
	if client == nil {
		client = idp.Client(t)
	}
	return LoginWalk{
		Client: client, Fields: map[string]string{"username": user, "password": password},
		Log: func() string { return idp.LogTail(20) },
	}
}

// dial reaches the Identity Provider under its name, and any other address as
// usual.
func (idp *SimpleSAMLphpIdP) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if base, err := url.Parse(idp.BaseURL); err == nil && address == base.Host {
		address = idp.address
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}
