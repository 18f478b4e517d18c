package model

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/app/nodeapi"
)

func TestEveryCommandExplainsItself(t *testing.T) {
	var names []string
	for _, c := range NewCommand().Commands() {
		names = append(names, c.Name())
		require.NotEmpty(t, c.Short, c.Name())
		require.Contains(t, c.Example, "opengradientd model "+c.Name(), c.Name())
		require.NotEmpty(t, c.GroupID, c.Name())
		require.NotNil(t, c.Flag("output"), c.Name())
		require.Empty(t, c.Flag("output").Shorthand, "-o is a file")
		require.Equal(t, "text", c.Flag("output").DefValue, c.Name())
	}
	slices.Sort(names)
	require.Equal(t, []string{
		"cancel-upload", "deprecate", "disable", "enable", "inspect", "list", "prepare", "ps", "pull", "push", "retry", "rm", "show", "tag",
		"transfer", "untag", "uploads", "verify",
	}, names)
}

func TestProcesses(t *testing.T) {
	answer, status := nodeapi.Models{Height: 9, Ready: true, Models: []nodeapi.Model{{SHA256: "ab", Name: "iris", Version: 1, State: nodeapi.StateLoaded}}}, http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != nodeapi.ModelsPath {
			http.NotFound(w, r)
			return
		}
		w.WriteHeader(status)
		if status != http.StatusOK {
			_, _ = w.Write([]byte(`{"error":"this node has no inference duty"}`))
			return
		}
		_ = json.NewEncoder(w).Encode(answer)
	}))
	defer server.Close()
	run := func(args ...string) (string, error) {
		cmd := newProcessesCommand()
		var out bytes.Buffer
		cmd.SetOut(&out)
		cmd.SetArgs(append(args, "--node-api", server.URL+"/"))
		cmd.SilenceErrors, cmd.SilenceUsage = true, true
		err := cmd.ExecuteContext(context.Background())
		return out.String(), err
	}
	text, err := run()
	require.NoError(t, err)
	require.Contains(t, text, "iris:1  ab      loaded")
	text, err = run("--output", "json")
	require.NoError(t, err)
	var document nodeapi.Models
	require.NoError(t, json.Unmarshal([]byte(text), &document), "nothing else on standard output")
	require.Equal(t, answer, document)
	status = http.StatusNotFound
	_, err = run()
	require.EqualError(t, err, "this node has no inference duty")

	status = http.StatusOK
	got, err := readNode(t.Context(), server.URL)
	require.NoError(t, err)
	require.Equal(t, answer, got)
	_, err = readNode(t.Context(), server.URL+"/elsewhere")
	require.ErrorContains(t, err, "expected the models of a node, got 404 Not Found")
	server.Close()
	_, err = readNode(t.Context(), server.URL)
	require.ErrorContains(t, err, "api.enable")
}
