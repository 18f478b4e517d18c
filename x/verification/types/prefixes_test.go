package types

import _ "github.com/opengradient/opengradient/testutil/prefixes"
