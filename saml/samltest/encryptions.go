package samltest

import "sallyport/saml/internal/xenc"

// Encryptions returns how the Identity Providers of [Shapes] that can encrypt
// do it unless they are told otherwise, by name. For is to be set.
func Encryptions() map[string]Encryption {
	const digest = "http://www.w3.org/2000/09/xmldsig#sha1"
	return map[string]Encryption{
		"entra":    {Content: xenc.AES256CBC, Digest: digest, NoHint: true, XEnc: "e"},
		"adfs":     {Content: xenc.AES256CBC, Digest: digest, XEnc: "e"},
		"okta":     {Content: xenc.AES256CBC, Place: ByReference, Wrap: "\n"},
		"onelogin": {Content: xenc.AES256CBC, Place: Beside, NoHint: true},
		"ping":     {Content: xenc.AES128CBC, Wrap: "\n"},
		"keycloak": {Content: xenc.AES256GCM, Transport: xenc.OAEP, Digest: "http://www.w3.org/2001/04/xmlenc#sha256",
			Mask: nsXEnc11 + "mgf1sha256", DSig: "dsig", NoHint: true},
		"shibboleth":    {Content: xenc.AES128GCM, Digest: digest, Recipient: SPEntityID, Wrap: "\n"},
		"simplesamlphp": {Content: xenc.AES128GCM, DSig: "dsig", NoHint: true},
	}
}
