# For the Go clients: a toolchain, and the published source of a module.
have go golang-go
have gcc gcc # the module uses cgo
export GOFLAGS=-mod=mod GOTOOLCHAIN=local GOWORK=off

# module_source PATH VERSION: sets MODULE, a copy of the module as the proxy has it
module_source() {
    local from
    MODULE=$WORK/module
    [ -f "$MODULE/go.mod" ] && return
    from=$(cd "$WORK" && go mod download -json "$1@$2" 2>"$WORK/fetch.txt" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
    [ -d "$from" ] || die fetch "the module $1@$2: $(tail -1 "$WORK/fetch.txt")"
    cp -r "$from" "$MODULE" && chmod -R u+w "$MODULE"
}
