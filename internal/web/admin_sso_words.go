package web

import (
	"fmt"
	"strings"
)

// metadataWrong are the kinds of what can be wrong with metadata, by words of the
// sentence that tells it: the library of SAML speaks English alone. The first
// that fits counts.
var metadataWrong = []struct{ words, kind string }{
	{"the document is empty", "empty"},
	{"web page (HTML)", "html"},
	{"UTF-16;", "utf16"},
	{"is a certificate, not", "certificate"},
	{"is an address, not", "address"},
	{"is JSON", "json"},
	{"is not XML", "not_xml"},
	{"5 MiB", "too_large"},
	{"metadata of a service provider", "service_provider"},
	{"no Identity Provider for SAML 2.0", "no_idp"},
	{"DOCTYPE", "doctype"},
	{"an encoding other than", "encoding"},
	{"not an EntityDescriptor", "not_metadata"},
	{"has no entityID", "no_entity_id"},
	{"no SingleSignOnService", "no_endpoint"},
	{"no signing certificate", "no_certificate"},
	{"has the scheme", "scheme"},
	{"is not an absolute URL", "not_absolute"},
	{"certificate is not base64", "not_base64"},
	{"certificate can't be read", "unreadable"},
	{" bits", "weak"},
	{"signature of the metadata", "signature"},
	{"not well-formed", "not_well_formed"},
	{"stands behind the document", "not_well_formed"},
}

// wrong tells in the page's language what is wrong with metadata, with the line
// that the sentence names. What is not known is told as it is.
func (f Frame) wrong(sentence string) string {
	if f.Lang == defaultLanguage {
		return sentence
	}
	for _, one := range metadataWrong {
		if !strings.Contains(sentence, one.words) {
			continue
		}
		line, text := 0, f.Word("metadata_wrong", one.kind)
		if _, err := fmt.Sscanf(strings.ToLower(sentence), "line %d:", &line); err == nil {
			return f.T("profiles.at_line", f.Number(int64(line)), text)
		}
		return text
	}
	return sentence
}
