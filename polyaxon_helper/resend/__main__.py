"""python -m polyaxon_helper.resend: sends what a killed run left behind."""
from ..commands import leave_current_folder

leave_current_folder()

from .cli import main  # noqa: E402 - above, what it imports may be the current folder's

raise SystemExit(main())
