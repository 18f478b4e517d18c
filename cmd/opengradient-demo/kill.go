package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/testutil/chainclient"
	"github.com/opengradient/opengradient/testutil/localnet"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// killWorker kills the worker of one node with SIGKILL as requests are being worked on, and waits until the node has
// a new one and takes part again.
func (d *demonstration) killWorker(ctx context.Context, requests int) error {
	home := d.options.killWorkerOf
	name := filepath.Base(home)
	daemon, err := nodePID(home)
	if err != nil {
		return err
	}
	old, err := localnet.WorkerPID(daemon)
	if err != nil {
		return fmt.Errorf("%s: %w", home, err)
	}
	operator, err := d.operatorOf(home)
	if err != nil {
		return err
	}
	// The first requests are in a block, and so being worked on, when the worker is killed; the others follow at once.
	first := max(requests/2, 1)
	if err := d.submit(ctx, workerKilled, first); err != nil {
		return err
	}
	if err := syscall.Kill(old, syscall.SIGKILL); err != nil {
		return fmt.Errorf("kill the worker of %s: %w", name, err)
	}
	killed := time.Now()
	d.say("worker of %s killed (process %d): %d requests on the way or to come", name, old, requests)
	if requests > first {
		if err := d.submit(ctx, workerKilled, requests-first); err != nil {
			return err
		}
	}
	fresh := 0
	err = chainclient.Until(ctx, "a new worker of "+name, func() (bool, error) {
		pid, err := localnet.WorkerPID(daemon)
		if errors.Is(err, localnet.ErrNoWorker) || err == nil && pid == old {
			return false, nil
		}
		fresh = pid
		return err == nil, err
	})
	if err != nil {
		return err
	}
	process := time.Since(killed)
	err = chainclient.Until(ctx, name+" to be eligible", func() (bool, error) {
		resp, err := d.client.Scheduling.Node(ctx, &schedulingtypes.QueryNodeRequest{Operator: operator})
		if err != nil {
			return false, err
		}
		return resp.Node.Eligible, nil
	})
	if err != nil {
		return err
	}
	d.expect("the killed worker came back by itself", true, "process %d after %.1f s or less, eligible on chain within %.1f s",
		fresh, process.Seconds(), time.Since(killed).Seconds())
	d.say("worker of %s is back (process %d)", name, fresh)
	d.killedOperator = operator
	return nil
}

// nodePID reads the process id that scripts/localnet.sh keeps in a node's home.
func nodePID(home string) (int, error) {
	file := filepath.Join(home, "node.pid")
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, fmt.Errorf("%w; the node must have been started by scripts/localnet.sh", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || pid <= 1 {
		return 0, fmt.Errorf("%s: expected a process id, got %.20q", file, b)
	}
	return pid, nil
}

// operatorOf is the operator address of the validator whose key is in a home's keyring.
func (d *demonstration) operatorOf(home string) (string, error) {
	s, err := chainclient.NewSigner(home, "validator", "", d.codecs)
	if err != nil {
		return "", err
	}
	return sdk.ValAddress(s.Address).String(), nil
}

// awaitNodes waits until all nodes of the network take part. A network that was just started needs a few blocks.
func (d *demonstration) awaitNodes(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return chainclient.Until(ctx, "every node to be eligible", func() (bool, error) {
		resp, err := d.client.Scheduling.Nodes(ctx, &schedulingtypes.QueryNodesRequest{})
		if err != nil {
			return false, err
		}
		for _, n := range resp.Nodes {
			if !n.Eligible {
				return false, nil
			}
		}
		d.nodes = len(resp.Nodes)
		return d.nodes > 0, nil
	})
}
