// Package metadata reads the SAML 2.0 metadata of Identity Providers and writes
// that of a service provider.
//
// Reading is as strict about XML as the reading of messages is, save that
// comments and CDATA sections may stand in a metadata file. Roles other than
// that of an Identity Provider are skipped. What is wrong is said with its line
// and in words that help the one who exported the file.
package metadata
