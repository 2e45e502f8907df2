package testenv

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// observe takes in what the browser tells of the tab, in its order.
func (p *Page) observe(event any) {
	p.loads.observe(event)
	p.seen.observe(event)
	if _, ok := event.(*page.EventJavascriptDialogOpening); ok {
		// An open dialog stops the page, and with it every verb. It is
		// answered from outside the observer, which must not wait.
		go func() {
			ctx, cancel := p.deadline()
			defer cancel()
			_ = chromedp.Do(ctx, chromiumSend(page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: true}))
		}()
	}
}

// Problems returns what went wrong in the tab since it was opened: errors that
// scripts threw or wrote to the console, what the content security policy
// stopped, parts of pages that didn't load, and dialogs that scripts opened
// (each is accepted). The status of a page itself is no problem. Frames of
// other sites tell theirs to no one.
func (p *Page) Problems() []string {
	p.seen.mu.Lock()
	defer p.seen.mu.Unlock()
	return slices.Clone(p.seen.texts)
}

type pageProblems struct {
	mu        sync.Mutex
	texts     []string
	told      map[string]bool
	documents map[network.RequestID]bool
}

func (s *pageProblems) observe(event any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch event := event.(type) {
	case *network.EventRequestWillBeSent:
		if event.Type == network.ResourceTypeDocument {
			s.documents[event.RequestID] = true
		}
	case *runtime.EventExceptionThrown:
		s.addOnce("exception", consoleException(event.ExceptionDetails), event.Timestamp)
	case *runtime.EventConsoleAPICalled:
		if event.Type == runtime.ConsoleAPICalledTypeError || event.Type == runtime.ConsoleAPICalledTypeAssert {
			s.addOnce("console", consoleText(event.Args), event.Timestamp)
		}
	case *log.EventEntryAdded:
		if event.Entry.Level == log.EntryLevelError && !s.expected(event.Entry) {
			text := strings.TrimSpace(event.Entry.Text) + " " + event.Entry.URL
			s.addOnce(string(event.Entry.Source), strings.TrimSpace(text), event.Entry.Timestamp)
		}
	case *page.EventJavascriptDialogOpening:
		s.add("dialog", fmt.Sprintf("%s %q", event.Type, event.Message))
	}
}

// expected tells what the console counts as an error and we don't: the status
// of a page, and that a site lacks the icon for which the browser asks unasked.
func (s *pageProblems) expected(entry *log.Entry) bool {
	return entry.Source == log.EntrySourceNetwork &&
		(s.documents[entry.NetworkRequestID] || strings.HasSuffix(entry.URL, "/favicon.ico"))
}

func (s *pageProblems) add(kind, text string) { s.texts = append(s.texts, kind+": "+text) }

// addOnce adds what the browser may tell again, with the same time: it does so
// when the user comes back to a page that it kept.
func (s *pageProblems) addOnce(kind, text string, at runtime.Timestamp) {
	key := fmt.Sprint(at.Float64(), kind, text)
	if !s.told[key] {
		s.told[key] = true
		s.add(kind, text)
	}
}

func consoleException(details *runtime.ExceptionDetails) string {
	if details.Exception != nil && details.Exception.Description != "" {
		return details.Exception.Description
	}
	return details.Text
}

func consoleText(args []*runtime.RemoteObject) string {
	var words []string
	for _, arg := range args {
		if arg.Description != "" {
			words = append(words, arg.Description)
		} else {
			words = append(words, strings.Trim(string(arg.Value), `"`))
		}
	}
	return strings.Join(words, " ")
}
