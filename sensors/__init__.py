"""What wakes the pipeline: files on SFTP, files from the API, campaigns falling due, receipts arriving, failures."""
