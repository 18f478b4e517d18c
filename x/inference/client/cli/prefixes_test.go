package cli

import _ "github.com/opengradient/opengradient/testutil/prefixes"
