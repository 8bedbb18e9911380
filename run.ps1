# UNTESTED: the Windows counterpart of ./run, written beside it and not yet tried on a Windows PC.
#
# .\run.ps1             set up, then sell: `guitai demo`
# .\run.ps1 ARGS        set up, then `guitai ARGS`
# .\run.ps1 test [ARGS] set up with the checks, then ruff, basedpyright, import-linter and pytest (ARGS go to pytest)
#
# Everything is kept in .venv\ beside this file. Needs Python 3.11 or newer.
$ErrorActionPreference = 'Stop'
$root = $PSScriptRoot
$venv = Join-Path $root '.venv'
$python = Join-Path $venv 'Scripts\python.exe'
$setupVersion = 1

function Say([string] $text) { [Console]::Error.WriteLine("run: $text") }

function Stop-Start([string] $text) { Say $text; exit 2 }

function Get-Stamp([string] $lock) {
    $digest = (Get-FileHash -Algorithm SHA256 (Join-Path $root "requirements\$lock")).Hash.ToLower()
    "$setupVersion $digest $root"
}

function Test-Fresh([string] $name, [string] $lock) {
    $stamp = Join-Path $venv ".ready-$name"
    (Test-Path $python) -and (Test-Path $stamp) -and ((Get-Content -Raw $stamp).Trim() -eq (Get-Stamp $lock))
}

function Find-Python {
    $candidates = @(@('py', '-3.11'), @('py', '-3.12'), @('py', '-3.13'), @('py', '-3'), @('python'))
    foreach ($candidate in $candidates) {
        if (-not (Get-Command $candidate[0] -ErrorAction SilentlyContinue)) { continue }
        $rest = @($candidate | Select-Object -Skip 1)
        & $candidate[0] @rest -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>$null
        if ($LASTEXITCODE -eq 0) { return , $candidate }
    }
    Stop-Start 'no Python 3.11 or newer was found'
}

function Install-Everything([string] $name, [string] $lock) {
    New-Item -ItemType Directory -Force $venv | Out-Null
    # One start at a time: the others wait for the one that holds this file.
    $door = $null
    while ($null -eq $door) {
        try { $door = [IO.File]::Open((Join-Path $venv '.starting'), 'OpenOrCreate', 'ReadWrite', 'None') }
        catch [IO.IOException] { Start-Sleep -Milliseconds 200 }
    }
    try {
        if (Test-Fresh $name $lock) { return }
        if (-not (Test-Path $python)) {
            $found = Find-Python
            $rest = @($found | Select-Object -Skip 1)
            Say 'making .venv'
            & $found[0] @rest -m venv $venv
            if ($LASTEXITCODE -ne 0) { Stop-Start 'could not make .venv' }
        }
        Remove-Item -Force -ErrorAction SilentlyContinue (Join-Path $venv '.ready-run'), (Join-Path $venv '.ready-test')
        Say "installing requirements\$lock into .venv (about 500 MB; once)"
        $pip = @('-m', 'pip', '--disable-pip-version-check', '--no-input', '--no-cache-dir', '--quiet', '--quiet')
        $tools = Join-Path $venv '.setup'
        & $python @pip install --require-hashes --no-deps --only-binary :all: --upgrade --target $tools `
            -r (Join-Path $root 'requirements\bootstrap.txt')
        if ($LASTEXITCODE -ne 0) { Stop-Start 'the build tools could not be installed; the lines above say why' }
        $env:PYTHONPATH = $tools
        try { & $python @pip install --require-hashes --no-deps --no-build-isolation -r (Join-Path $root "requirements\$lock") }
        finally { Remove-Item Env:PYTHONPATH }
        if ($LASTEXITCODE -ne 0) { Stop-Start 'the packages could not be installed; the lines above say why' }
        $site = & $python -c 'import sysconfig; print(sysconfig.get_path("purelib"))'
        Set-Content -Encoding utf8 (Join-Path $site 'guitai.pth') $root
        Set-Content -Encoding ascii (Join-Path $venv 'Scripts\guitai.cmd') "@`"%~dp0python.exe`" -P -m guitai %*"
        Set-Content -Encoding utf8 (Join-Path $venv '.ready-run') (Get-Stamp 'lock.txt')
        if ($name -eq 'test') { Set-Content -Encoding utf8 (Join-Path $venv '.ready-test') (Get-Stamp $lock) }
    }
    finally { $door.Dispose() }
}

$arguments = @($args)
if ($arguments.Count -gt 0 -and $arguments[0] -eq 'test') {
    if (-not (Test-Fresh 'test' 'lock-dev.txt')) { Install-Everything 'test' 'lock-dev.txt' }
    $more = @($arguments | Select-Object -Skip 1)
    Set-Location $root
    $steps = [ordered]@{
        'ruff check'    = @('-m', 'ruff', 'check', '.')
        'ruff format'   = @('-m', 'ruff', 'format', '--check', '.')
        'basedpyright'  = @('-m', 'basedpyright')
        'import-linter' = @('-c', 'import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())')
        'pytest'        = @('-m', 'pytest', '-n', '3', '--dist', 'loadfile', '--no-loadscope-reorder') + $more
    }
    $failed = 0
    $summary = @()
    foreach ($step in $steps.GetEnumerator()) {
        "`n== $($step.Key)"
        $command = $step.Value
        & $python @command
        if ($LASTEXITCODE -eq 0) { $summary += "$($step.Key): ok" }
        else { $failed = 1; $summary += "$($step.Key): FAILED (exit $LASTEXITCODE)" }
    }
    ''
    $summary
    exit $failed
}
if ($arguments.Count -eq 0) { $arguments = @('demo') }
if (-not (Test-Fresh 'run' 'lock.txt')) {
    if (Test-Path (Join-Path $venv '.ready-test')) { Install-Everything 'test' 'lock-dev.txt' }
    else { Install-Everything 'run' 'lock.txt' }
}
& $python -P -m guitai @arguments
exit $LASTEXITCODE
