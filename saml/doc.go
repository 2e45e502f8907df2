// Package saml is the service provider's side of SAML 2.0 Web Browser SSO.
//
// It builds authentication requests, and decides whether a response may sign
// somebody in. It needs the standard library alone and keeps no state: what
// has to be remembered (which requests are pending, which assertions were
// consumed) the caller keeps and is asked for.
//
// # Use
//
// A [ServiceProvider] is one relation: one of our entities and one Identity
// Provider. Make it once and keep it; it holds parsed certificates and reusable
// memory, and is safe for concurrent use.
//
//	sp, err := saml.New(saml.Config{
//		EntityID: "https://app.example/saml/acme/metadata",
//		ACSURL:   "https://app.example/saml/acme/acs",
//		IdP:      saml.IdentityProvider{EntityID: …, SSO: …, Certificates: …},
//	})
//	req := sp.AuthnRequest(saml.RequestOptions{})
//	url, err := req.RedirectURL(relayState)         // remember req.ID, send the browser there
//	…
//	res, err := sp.Validate(saml.Message{           // what the browser posted
//		Values: form["SAMLResponse"], Received: now, Requests: pending, Consumed: consumed,
//	})
//
// The error is a [*Refusal]: a stable [Code], and every [Check] with what was
// expected and what was found, those behind the first failure too.
//
// # See only what is signed
//
// A message is parsed once, into one tree that is never changed. The signature
// is verified over nodes of that tree and the [Assertion] is built from exactly
// those nodes. Nothing is serialised and parsed again, looked up from the
// document's root, or read from outside the verified element, except to refuse.
//
// What the caller has to do: consume the request and the assertion at most
// once, in the transaction that makes the sign-in count ([Assertion.ID],
// [Assertion.InResponseTo], [Assertion.RememberUntil]); bind a solicited
// response to the browser that started it; decide whether the address may sign
// in at all.
//
// The rules implement SAML 2.0 core, bindings, profiles and metadata (OASIS
// 2005, with errata), XML Signature 1.1 and Exclusive XML Canonicalization 1.0,
// and are stricter in places; each says so where it stands.
package saml
