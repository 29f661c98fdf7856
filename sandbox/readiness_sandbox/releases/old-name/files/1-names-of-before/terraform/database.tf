resource "aws_db_subnet_group" "private" {
  name       = "normaldance-private"
  subnet_ids = aws_subnet.private[*].id
}

resource "aws_rds_cluster" "postgresql" {
  cluster_identifier          = "normaldance-db"
  engine                      = "aurora-postgresql"
  engine_mode                 = "provisioned"
  engine_version              = "15.4"
  database_name               = "normaldance"
  master_username             = var.db_username
  manage_master_user_password = true
  db_subnet_group_name        = aws_db_subnet_group.private.name
  storage_encrypted           = true

  serverlessv2_scaling_configuration {
    min_capacity = 2
    max_capacity = 16
  }
}
