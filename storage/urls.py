"""The disks' and images' pages, and the door for uploads."""

from django.urls import path

from storage import api, api_images
from storage.views import disks, images

app_name = "storage"
urlpatterns = [
    path("disks/", disks.disk_list, name="disk_list"),
    path("disks/export.csv", disks.disk_export, name="disk_export"),
    path("disks/new", disks.disk_create, name="disk_create"),
    path("disks/<str:namespace>/<str:name>/", disks.disk_detail, name="disk_detail"),
    path("disks/<str:namespace>/<str:name>/grow", disks.disk_grow, name="disk_grow"),
    path("disks/<str:namespace>/<str:name>/delete", disks.disk_delete, name="disk_delete"),
    path("disks/<str:namespace>/<str:name>/retry", disks.disk_retry, name="disk_retry"),
    path("disks/<str:namespace>/<str:name>/cancel", disks.disk_cancel, name="disk_cancel"),
    path("images/", images.image_list, name="image_list"),
    path("images/export.csv", images.image_export, name="image_export"),
    path("images/new", images.image_create, name="image_create"),
    path("images/<str:namespace>/<str:name>/", images.image_detail, name="image_detail"),
    path("images/<str:namespace>/<str:name>/share", images.image_share, name="image_share"),
    path("images/<str:namespace>/<str:name>/unshare", images.image_unshare, name="image_unshare"),
    path("images/<str:namespace>/<str:name>/delete", images.image_delete, name="image_delete"),
    path("images/<str:namespace>/<str:name>/retry", images.image_retry, name="image_retry"),
    path("images/<str:namespace>/<str:name>/cancel", images.image_cancel, name="image_cancel"),
    path("api/v1/images", api_images.ImageList.as_view(), name="api_image_list"),
    path("api/v1/images/<str:namespace>/<str:name>", api_images.ImageOne.as_view(), name="api_image"),
    path("api/v1/uploads/", api.UploadsView.as_view(), name="uploads"),
    path("api/v1/uploads/<uuid:uid>/", api.UploadView.as_view(), name="upload"),
]
