// Package proof looks for the proof that somebody controls a domain: a TXT
// record, or a file that the domain's web server shows over HTTPS. The file
// counts for domains with an MX record alone: a web server that has nothing to
// do with anybody's mail proves nothing about addresses.
//
// Every configured resolver is asked, and shows what it sees through its own
// answers: the record, else the addresses of the web server that is then asked
// for the file. The proof is there if all of them see it, and gone if none
// does; anything else is unclear and changes nothing.
//
// The directory calls it, and keeps the [Findings] for the domain's page.
package proof
