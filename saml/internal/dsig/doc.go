// Package dsig verifies and makes enveloped XML signatures, in the one shape that
// SAML uses (SAML core, section 5.4): a Signature that is a child of the element it
// signs, with one reference to that element by its ID.
//
// Everything else that XML Signature 1.1 offers is refused: objects,
// manifests, several references, detached and enveloping signatures, XPath and
// XSLT transforms, HMAC. Keys come from the caller alone; KeyInfo is read for
// messages to people and never for trust.
package dsig
