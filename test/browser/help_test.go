package browser

import (
	"testing"

	"sallyport/internal/testenv"
)

// helpCases are the pages of help: every layout, the longest guides, and those
// with blocks of code.
func helpCases() []pageCase {
	at := func(path string) func(*testing.T, *stage) *tab {
		return func(t *testing.T, s *stage) *tab {
			b := s.newTab(t)
			b.path(path)
			b.answered(t, 200, "")
			return b
		}
	}
	return []pageCase{
		{"help", "body", at("/help")},
		{"help-search", "body", at("/help?q=certificate")},
		{"help-search-nothing", "body", at("/help?q=zzzzzz")},
		{"help-guides", "body", at("/help/guides")},
		{"help-guide-entra", "body", at("/help/guides/entra")},
		{"help-guide-adfs", "body", at("/help/guides/adfs")},
		{"help-guide-shibboleth", "body", at("/help/guides/shibboleth")},
		{"help-guide-other", "body", at("/help/guides/other")},
		{"help-concept", "body", at("/help/concepts/setting-up")},
		{"help-errors", "body", at("/help/errors")},
	}
}

// findsHelp goes from the start of the help to a guide, as a reader does who
// knows a word of it.
func findsHelp(t *testing.T, s *stage, options ...testenv.BrowserOption) {
	b := s.newTab(t)
	b.Show(options...)
	b.path("/help")
	b.Fill("Search the help", "AADSTS50105")
	b.SubmitForm("#q")
	b.at(t, "/help?q=AADSTS50105")
	b.Click("Microsoft Entra ID")
	b.at(t, "/help/guides/entra")
	b.WaitText("Reply URL (Assertion Consumer Service URL)")
	b.Click("saml_nameid_not_email")
	b.at(t, "/help/errors/saml_nameid_not_email")
	b.WaitText("With your Identity Provider")
	b.Click(".advice details:first-child summary")
	b.WaitText("Set the source of \"Unique User Identifier (Name ID)\" to user.mail.")
}

func findsHelpWithScript(t *testing.T, s *stage) { findsHelp(t, s) }

func findsHelpWithoutScript(t *testing.T, s *stage) { findsHelp(t, s, testenv.NoScript()) }

// ratesHelp answers three times: while nothing comes back, where it fails, and
// where it arrives.
func ratesHelp(t *testing.T, s *stage) {
	const text = "The screen looks different now."
	b := s.newTab(t)
	b.path("/help/guides/okta")
	b.Click("No")
	b.Click("the Identity Provider looks different now")
	b.Fill("Anything else? (you need not say)", text)
	b.Eval(`window.sent = window.fetch; window.fetch = () => new Promise(() => {})`, nil)
	b.Click("Send")
	b.WaitText("Sending…")
	b.path("/help/guides/okta")
	b.Click("No")
	b.Fill("Anything else? (you need not say)", text)
	b.Eval(`window.sent = window.fetch; window.fetch = () => Promise.reject(new TypeError("no network"))`, nil)
	b.Click("Send")
	b.WaitText("Something went wrong. Your text is still here")
	var left string
	if b.Eval(`document.getElementById("comment").value`, &left); left != text {
		t.Errorf("%q is left", left)
	}
	b.Eval(`window.fetch = window.sent`, nil)
	b.Click("Send")
	b.WaitText("Thank you: your answer has arrived.")
	var focused string
	if b.Eval(`document.activeElement.textContent`, &focused); focused != "Thank you: your answer has arrived." {
		t.Errorf("the focus is at %q", focused)
	}
	b.at(t, "/help/guides/okta")
}

func ratesHelpWithoutScript(t *testing.T, s *stage) {
	b := s.newTab(t)
	b.Show(testenv.NoScript())
	b.path("/help/errors/saml_expired")
	b.Click("Yes")
	b.Click("it told me what to do")
	b.Click("Send")
	b.WaitText("Thank you: your answer has arrived.")
	b.Click("Back to the page")
	b.at(t, "/help/errors/saml_expired")
}
