"""Enrolment by file: YAML, CSV and XLSX, in and out. All or nothing, every fault named."""
