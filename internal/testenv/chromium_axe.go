package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// A Violation is a rule of accessibility that a page breaks.
type Violation struct {
	ID      string // axe-core's name of the rule: image-alt
	Impact  string // minor, moderate, serious or critical
	Help    string // the rule in words
	HelpURL string
	Nodes   []ViolationNode
}

// A ViolationNode is an element that breaks a rule.
type ViolationNode struct {
	Target  []string // a selector, below selectors of the frames around it
	HTML    string
	Failure string `json:"failureSummary"` // what would mend it
}

func (v Violation) String() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s (%s): %s, %s", v.ID, v.Impact, v.Help, v.HelpURL)
	for _, node := range v.Nodes {
		fmt.Fprintf(&out, "\n  %s: %s\n    %s", strings.Join(node.Target, " "), node.HTML, strings.ReplaceAll(node.Failure, "\n", "\n    "))
	}
	return out.String()
}

// axeRun asks for the rules of WCAG 2.0, 2.1 and 2.2, levels A and AA, and for
// axe-core's own best practice.
const axeRun = `axe.run(document, {
	runOnly: {type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']},
	resultTypes: ['violations'],
}).then(results => results.violations)`

// Axe checks the page as it is now by axe-core and returns what breaks a rule.
// The page notices nothing: axe-core runs in a world of its own, which the
// page's scripts cannot reach and its content security policy does not bind.
// Frames are not looked into.
func (p *Page) Axe(t testing.TB) []Violation {
	t.Helper()
	source := axeSource(t)
	ctx, cancel := context.WithTimeout(p.ctx, 3*pageTimeout)
	defer cancel()
	violations, err := p.axe(ctx, source)
	if err != nil {
		t.Fatalf("Axe(): %v\n%s", err, p.describe())
	}
	return violations
}

func (p *Page) axe(ctx context.Context, source string) (violations []Violation, err error) {
	var world runtime.ExecutionContextID
	err = p.do(ctx, func(ctx context.Context, target *chromedp.Target) error {
		result, err := cdp.Call(ctx, target, page.CreateIsolatedWorld,
			page.CreateIsolatedWorldParams{FrameID: cdp.FrameID(target.TargetID), WorldName: "axe"})
		world = result.ExecutionContextID
		return err
	})
	if err != nil {
		return nil, err
	}
	inside := func(params *runtime.EvaluateParams) { params.ContextID = world }
	if err := p.evaluate(ctx, source+"\n;0", nil, inside); err != nil {
		return nil, fmt.Errorf("loading axe-core: %w", err)
	}
	err = p.evaluate(ctx, axeRun, &violations, inside)
	return violations, err
}

// axeSource reads axe-core from where npm puts it.
func axeSource(t testing.TB) string {
	t.Helper()
	root, err := axeModuleRoot()
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(filepath.Join(root, "test", "browser", "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatalf("this test needs axe-core (%v): npm ci --prefix test/browser", err)
	}
	return string(source)
}

// axeModuleRoot is the directory of go.mod, at or above the one that the test
// runs in.
func axeModuleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("no go.mod at or above the working directory")
		}
		dir = filepath.Dir(dir)
	}
}
